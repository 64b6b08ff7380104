"""Whether to look again at once before going to sleep."""

from __future__ import annotations

# Waking a process that sleeps costs more than most answers take: tens of microseconds, hundreds on a virtual
# machine whose core has gone to sleep, too. An answer that comes within that time is worth waiting for awake;
# one that does not has cost at most twice what sleeping would have (the ski rental problem: Karlin et al.,
# *Competitive snoopy caching*, 1988).
# One connection, 64 B there and back: 3.2 times the messages per second, and 0.6 of the CPU time for each.
# Where being woken takes 0.4 ms: 2.2 times, and 0.8 of the CPU time.
LEAST_S = 0.0001
MOST_S = 0.0006

# Times it is not even tried, at most, after it was in vain: so a quiet proxy wastes next to nothing.
MOST_SKIPPED = 63

# How often, after a time in vain, to find out what being woken takes: what comes meanwhile has to wait.
NAPS_AT_FIRST = 8
NAP_EVERY = 16

# How much of what was known of this machine one more time of being woken leaves.
KEPT = 0.75


class Patience:
    """Learn how long to stay awake, and whether it pays off: each time in vain it is tried half as often."""

    __slots__ = ("_in_vain", "_skip", "_skips_left", "seconds")

    def __init__(self) -> None:
        self.seconds = LEAST_S
        """How long: what being woken takes on this machine."""
        self._in_vain = 0  # times
        self._skip = 0
        self._skips_left = 0

    def is_worth_it(self) -> bool:
        """Say whether to stay awake this time."""
        if self._skips_left:
            self._skips_left -= 1
            return False
        return True

    def paid_off(self) -> None:
        """Something came while we were awake."""
        self._skip = 0

    def is_nap_due(self) -> bool:
        """Say whether to sleep for a moment, and tell ``woke`` about it."""
        return self._in_vain <= NAPS_AT_FIRST or self._in_vain % NAP_EVERY == 0

    def woke(self, late_s: float) -> None:
        """Sleep ended so much later than it was to."""
        self.seconds = KEPT * self.seconds + (1 - KEPT) * min(max(late_s, LEAST_S), MOST_S)

    def was_in_vain(self) -> None:
        """Nothing came."""
        self._in_vain += 1
        self._skip = self._skips_left = min(2 * self._skip + 1, MOST_SKIPPED)
