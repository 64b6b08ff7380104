"""How long before an appointment to wake up."""

from __future__ import annotations

MOST_S = 0.0005
_AT_FIRST_S = 0.0001
# One wake-up in 20 may come too late: the rare long one is not worth waiting awake for at all others.
_LONGER_S = 0.00004
_SHORTER_S = _LONGER_S / 19


class HeadStart:
    """Learn how much earlier to set an alarm, so that whoever sleeps is awake when it is time.

    A core that sleeps takes its time to wake up: 0.1 ms, and 0.3 on a virtual machine. One that is busy
    takes none, and then there is nothing to gain by waiting awake.
    """

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds = _AT_FIRST_S

    def woke(self, late_s: float) -> None:
        """Note how long after its time an alarm was heard."""
        if late_s > self.seconds:
            self.seconds = min(self.seconds + _LONGER_S, MOST_S)
        else:
            self.seconds = max(self.seconds - _SHORTER_S, 0.0)
