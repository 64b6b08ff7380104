"""The clock: the time, and timers, which share one alarm for all pipes of a loop."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from heapq import heapify, heappop, heappush

from trixter.monotonic import TURN_S, monotonic

# An alarm is never set further ahead than this; it goes off, finds nothing due and is set again.
FURTHEST_S = 3600.0

# Timers that fire between two looks at the time.
TIMERS_BETWEEN_LOOKS = 8

# Cancelled timers are swept out of the heap when they are most of it, but not for a handful.
SWEEP_FROM = 64


class Timer:
    """A call that a clock will make; see ``Clock.call_at``."""

    __slots__ = ("_callback", "_clock", "when")

    def __init__(self, clock: Clock, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self._clock = clock
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Do not call. Idempotent, also after the call."""
        if self._callback is not None:
            self._callback = None
            self._clock.forget()

    def fire(self) -> bool:
        """Make the call, unless the timer was cancelled; return whether it was made."""
        callback, self._callback = self._callback, None
        if callback is None:
            return False
        callback()
        return True

    @property
    def is_cancelled(self) -> bool:
        return self._callback is None


class Clock(ABC):
    """Tell the time in seconds and call back at times, never early.

    The heap and its rules are here; how the alarm under it goes off is the subclass's business.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._made = 0  # breaks ties: timers for the same time fire in the order they were made
        self._cancelled = 0
        self._alarm_at: float | None = None

    @abstractmethod
    def time(self) -> float:
        """Return the time, in seconds of one monotonic source."""

    @abstractmethod
    def _arm(self, when: float) -> None:
        """Set the alarm: call ``_fire_due`` at ``when``. Replaces the alarm that was set."""

    @abstractmethod
    def close(self) -> None:
        """Give back what the alarm holds; no timer fires from now on."""

    def abandon(self) -> None:  # noqa: B027 - most have no descriptor of their own
        """Close descriptors in the child of a fork; the parent goes on with its duplicates."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back at ``when``, or as soon after it as the loop gets round to it."""
        timer = Timer(self, when, callback)
        self._made += 1
        heappush(self._heap, (when, self._made, timer))
        if self._alarm_at is None or when < self._alarm_at:
            self._arm_next()
        return timer

    def forget(self) -> None:
        """Count a cancelled timer, and sweep when they are most of the heap."""
        self._cancelled += 1
        if self._cancelled > SWEEP_FROM and self._cancelled > len(self._heap) // 2:
            self._heap = [entry for entry in self._heap if not entry[2].is_cancelled]
            heapify(self._heap)
            self._cancelled = 0

    def _fire_due(self) -> None:
        self._alarm_at = None
        now = self.time()
        fired = 0
        try:
            while self._heap and self._heap[0][0] <= now:
                fired += 1
                if fired % TIMERS_BETWEEN_LOOKS == 0 and self.time() > now + TURN_S:
                    break  # the rest is due: the alarm goes off again at once, but after a turn of the loop
                if not heappop(self._heap)[2].fire():
                    self._cancelled -= 1
        finally:
            self._arm_next()

    def _arm_next(self) -> None:
        if self._heap:
            when, furthest = self._heap[0][0], self.time() + FURTHEST_S
            if when > furthest:
                when = furthest
            if self._alarm_at is None or when < self._alarm_at:
                self._alarm_at = when
                self._arm(when)


class LoopClock(Clock):
    """A clock on the loop's own timers, where there is nothing better."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None

    def time(self) -> float:
        # Not loop.time(): uvloop's is cached, and may be milliseconds old.
        return monotonic()

    def _arm(self, when: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        # uvloop calls up to a millisecond early. _fire_due finds nothing due then, and sets the alarm again.
        self._handle = self._loop.call_later(max(when - self.time(), 0.0), self._fire_due)

    def close(self) -> None:
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()
