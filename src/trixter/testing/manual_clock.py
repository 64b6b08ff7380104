"""A clock that stands still until the test moves it."""

from __future__ import annotations

from trixter.proxy.clock import Clock


class ManualClock(Clock):
    """Tell a time that only ``advance`` moves, and keep every appointment on the way.

    Each callback sees the very time its appointment was for, also one that was made by another callback.
    Sockets know nothing of it: what a callback sends has arrived when the peer has it, so wait for that.

    Args:
        starts_at: The time at first, in seconds.

    Example:
        >>> clock = ManualClock()
        >>> appointment = clock.call_at(3600.0, lambda: print("rang at", clock.time()))
        >>> clock.advance(4000)
        rang at 3600.0
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
        """When the next appointment is, or ``None`` if there is none."""
        return min((when for when, _, timer in self._heap if not timer.is_cancelled), default=None)

    def advance(self, seconds: float) -> None:
        """Let that much time pass.

        Raises:
            ValueError: If that is less than none: time does not go back.
        """
        self.advance_to(self._now + seconds)

    def advance_to(self, when: float) -> None:
        """Let time pass until ``when``, and keep what is due, in the order in which it is due.

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
        """Do nothing: this clock does not ring by itself."""

    def close(self) -> None:
        self._heap.clear()
