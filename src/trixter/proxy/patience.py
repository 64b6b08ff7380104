"""Whether to look again at once before going to sleep."""

from __future__ import annotations

# Waking a process that sleeps costs more than most answers take: tens of microseconds, hundreds on a virtual
# machine whose core has gone to sleep, too. An answer that comes within this time is worth waiting for awake.
# One connection, 64 B there and back: 3.2 times the messages per second, and 0.6 of the CPU time for each.
SPIN_S = 0.0001

# Times it is not even tried, at most, after it was in vain: so a quiet proxy wastes next to nothing.
MOST_SKIPPED = 63


class Patience:
    """Learn whether staying awake pays off: each time in vain it is tried half as often."""

    __slots__ = ("_skip", "_skips_left")

    def __init__(self) -> None:
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

    def was_in_vain(self) -> None:
        """Nothing came."""
        self._skip = self._skips_left = min(2 * self._skip + 1, MOST_SKIPPED)
