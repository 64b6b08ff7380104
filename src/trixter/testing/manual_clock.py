"""A manual clock, which only the test advances."""

from __future__ import annotations

from trixter.proxy.clock import Clock


class ManualClock(Clock):
    """A clock whose time only ``advance`` moves; it fires every timer on the way.

    Each callback sees the exact time of its timer, also one that another callback has set. Sockets do not
    follow it: bytes that a callback sends have arrived when the peer has read them, so wait for that.

    Args:
        starts_at: The time at first, in seconds.

    Example:
        >>> clock = ManualClock()
        >>> timer = clock.call_at(3600.0, lambda: print("fired at", clock.time()))
        >>> clock.advance(4000)
        fired at 3600.0
        >>> clock.time()
        4000.0
    """

    def __init__(self, starts_at: float = 0.0) -> None:
        super().__init__()
        self._now = starts_at

    def time(self) -> float:
        return self._now

    @property
    def next_at(self) -> float | None:
        """The time of the next timer, or ``None``."""
        return min((when for when, _, timer in self._heap if not timer.is_cancelled), default=None)

    def advance(self, seconds: float) -> None:
        """Advance by that time, and fire the timers that are due.

        Raises:
            ValueError: If it is negative: time does not go back.
        """
        self.advance_to(self._now + seconds)

    def advance_to(self, when: float) -> None:
        """Advance to ``when``, and fire the timers that are due, in their order.

        Raises:
            ValueError: If that is in the past: time does not go back.
        """
        if not when >= self._now:
            raise ValueError(f"it is {self._now} s already, and time does not go back to {when} s")
        while self._heap and self._heap[0][0] <= when:
            self._now = max(self._now, self._heap[0][0])
            self._fire_due()
        self._now = when

    def _arm(self, when: float) -> None:
        """Do nothing: this clock fires no timers by itself."""

    def close(self) -> None:
        self._heap.clear()
