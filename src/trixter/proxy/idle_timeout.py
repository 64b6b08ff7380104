"""Idle time-outs: the end of connections on which no byte moves."""

from __future__ import annotations

from collections.abc import Callable

from trixter.proxy.clock import Clock, Timer

# Looks at the counters in one time-out. So a connection ends at most a quarter of it late.
LOOKS = 4


class IdleTimeout:
    """Call back once no byte has moved for some time.

    It compares counters now and then, so moving a byte costs nothing.

    Args:
        clock: Tells the time, and wakes it.
        timeout_s: For how long nothing may move, more than 0; up to a quarter more, until it is noticed.
        moved: Tells of counters, which differ when a byte has moved in between.
        on_idle: Called once; never if it is cancelled.
    """

    __slots__ = ("_clock", "_last", "_moved", "_on_idle", "_quiet_looks", "_timeout_s", "_timer")

    def __init__(
        self, clock: Clock, timeout_s: float, moved: Callable[[], object], on_idle: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        self._moved = moved
        self._on_idle = on_idle
        self._last = moved()
        self._quiet_looks = 0
        self._timer: Timer = self._next_look()

    def cancel(self) -> None:
        """Look no more. Idempotent."""
        self._timer.cancel()

    def _next_look(self) -> Timer:
        return self._clock.call_at(self._clock.time() + self._timeout_s / LOOKS, self._look)

    def _look(self) -> None:
        now = self._moved()
        self._quiet_looks = self._quiet_looks + 1 if now == self._last else 0
        self._last = now
        if self._quiet_looks == LOOKS:
            self._on_idle()
        else:
            self._timer = self._next_look()
