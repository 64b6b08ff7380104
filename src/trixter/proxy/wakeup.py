"""Wake-up latency: how late this machine wakes a process that sleeps."""

from __future__ import annotations

# The lead: one wake-up in 20 may be later. The rare long one is not worth waiting awake for at all others.
MOST_LEAD_S = 0.0005
_FIRST_LEAD_S = 0.0001
_LONGER_S = 0.00004
_SHORTER_S = _LONGER_S / 19

# The mean is never taken for less, nor for more.
LEAST_MEAN_S = 0.0001
MOST_MEAN_S = 0.0006

# How much of the mean that was known one more observation leaves.
KEPT = 0.75


class WakeupLatency:
    """Learn how late wake-ups are, of timers and of trials: one estimate for a loop, read in two ways.

    A core that sleeps takes its time to wake up: 0.1 ms, and 0.3 on a virtual machine. One that is busy takes
    none, and then there is nothing to gain by waiting awake.
    """

    __slots__ = ("lead_s", "mean_s")

    def __init__(self) -> None:
        self.lead_s = _FIRST_LEAD_S
        """How much earlier than a deadline to wake up: 19 wake-ups of 20 are not later than that."""
        self.mean_s = LEAST_MEAN_S
        """How long a wake-up takes, recently and on average: so long it is worth polling before sleeping."""

    def observe(self, late_s: float) -> None:
        """Learn that a wake-up came so much later than it was to."""
        if late_s > self.lead_s:
            self.lead_s = min(self.lead_s + _LONGER_S, MOST_LEAD_S)
        else:
            self.lead_s = max(self.lead_s - _SHORTER_S, 0.0)
        self.mean_s = KEPT * self.mean_s + (1 - KEPT) * min(max(late_s, LEAST_MEAN_S), MOST_MEAN_S)
