"""The time, and appointments with it: one alarm for all pipes of a loop."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from heapq import heapify, heappop, heappush

from trixter.monotonic import TURN_S, monotonic
from trixter.proxy.head_start import HeadStart
from trixter.proxy.poller import Poller, Vigil
from trixter.proxy.timerfd import Timerfd

# An alarm is never set further ahead than this; it rings, finds nothing due and is set again.
FURTHEST_S = 3600.0

# Appointments kept between two looks at the time.
TIMERS_BETWEEN_LOOKS = 8

# Cancelled appointments are swept out of the heap when they are most of it, but not for a handful.
SWEEP_FROM = 64


class Timer:
    """One appointment; see ``Clock.call_at``."""

    __slots__ = ("_callback", "_clock", "when")

    def __init__(self, clock: Clock, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self._clock = clock
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Call it off; too late is no error."""
        if self._callback is not None:
            self._callback = None
            self._clock.forget()

    def ring(self) -> None:
        """Keep the appointment, unless it was called off."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()

    @property
    def is_cancelled(self) -> bool:
        return self._callback is None


class Clock(ABC):
    """Tell the time in seconds and keep appointments, never early.

    The heap and its rules are here; how the alarm under it rings is the subclass's business.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._made = 0  # breaks ties: appointments for the same time are kept in the order they were made
        self._cancelled = 0
        self._alarm_at: float | None = None

    @abstractmethod
    def time(self) -> float:
        """Return the time, in seconds of one monotonic source."""

    @abstractmethod
    def _set_alarm(self, when: float) -> None:
        """Call ``_ring`` at ``when``; replaces the alarm that was set."""

    @abstractmethod
    def close(self) -> None:
        """Give back what the alarm holds; no appointment is kept from now on."""

    def abandon(self) -> None:  # noqa: B027 - most have no descriptor of their own
        """Close descriptors in the child of a fork; the parent goes on with its duplicates."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Make an appointment: call back at ``when``, or as soon after it as the loop gets round to it."""
        timer = Timer(self, when, callback)
        self._made += 1
        heappush(self._heap, (when, self._made, timer))
        if self._alarm_at is None or when < self._alarm_at:
            self._arm()
        return timer

    def forget(self) -> None:
        """Count a cancelled appointment, and sweep when they are most of the heap."""
        self._cancelled += 1
        if self._cancelled > SWEEP_FROM and self._cancelled > len(self._heap) // 2:
            self._heap = [entry for entry in self._heap if not entry[2].is_cancelled]
            heapify(self._heap)
            self._cancelled = 0

    def _ring(self) -> None:
        self._alarm_at = None
        now = self.time()
        rung = 0
        try:
            while self._heap and self._heap[0][0] <= now:
                rung += 1
                if rung % TIMERS_BETWEEN_LOOKS == 0 and self.time() > now + TURN_S:
                    break  # the rest is due, so the alarm rings again at once, but after a turn of the loop
                timer = heappop(self._heap)[2]
                if timer.is_cancelled:
                    self._cancelled -= 1
                timer.ring()
        finally:
            self._arm()

    def _arm(self) -> None:
        if self._heap:
            when = min(self._heap[0][0], self.time() + FURTHEST_S)
            if self._alarm_at is None or when < self._alarm_at:
                self._alarm_at = when
                self._set_alarm(when)


class TimerfdClock(Clock):
    """Rings by a Linux timerfd: within 0.1 ms, where a loop's own timers take up to a millisecond.

    It is set a little early, and what is left is waited for awake.

    Args:
        poller: Watches the timerfd among the sockets, so a busy proxy sees that it rings.

    Raises:
        OSError: If the system has no timerfd.
    """

    def __init__(self, poller: Poller) -> None:
        super().__init__()
        self._poller = poller
        self._timerfd = Timerfd()
        self._head_start = HeadStart()
        self._wake_at: float | None = None  # when the timerfd wakes us before the alarm, to be awake for it
        poller.read(self._timerfd.fileno(), self._on_readable)

    time = staticmethod(monotonic)  # looked up for every read of a direction with faults

    def _set_alarm(self, when: float) -> None:
        wake_at = when - self._head_start.seconds
        if wake_at > self.time():
            self._wake_at = wake_at
            self._timerfd.set(wake_at)
        else:
            self._wake_at = None
            self._poller.keep_vigil(Vigil(when, self._ring, partial(self._timerfd.set, when)))

    def _on_readable(self) -> None:
        self._timerfd.clear()
        if self._wake_at is not None:
            self._head_start.woke(self.time() - self._wake_at)
        self._ring()

    def close(self) -> None:
        self._heap.clear()
        self._poller.forget(self._timerfd.fileno())
        self._timerfd.close()

    def abandon(self) -> None:
        self._timerfd.close()


class LoopClock(Clock):
    """Rings by the loop's own timers, where there is nothing better."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None

    def time(self) -> float:
        # Not loop.time(): uvloop's is cached, and may be milliseconds old.
        return monotonic()

    def _set_alarm(self, when: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        # uvloop rings up to a millisecond early. _ring finds nothing due then, and sets the alarm again.
        self._handle = self._loop.call_later(max(when - self.time(), 0.0), self._ring)

    def close(self) -> None:
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()


def clock_for(loop: asyncio.AbstractEventLoop, poller: Poller) -> Clock:
    """Return the most punctual clock this system has."""
    try:
        return TimerfdClock(poller)
    except OSError:
        return LoopClock(loop)
