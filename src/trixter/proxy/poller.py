"""Pollers: what to call when a socket is ready, and how late a machine wakes the process that waits."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

Callback = Callable[[], None]

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


class SpinUntil(NamedTuple):
    """A deadline too close to sleep for: the poller polls until then."""

    deadline: float
    on_deadline: Callback
    on_abandoned: Callback
    """Called if there is too much to do meanwhile: the caller must see to the deadline by other means."""


class Poller(ABC):
    """Call back when a socket can be read or written, or when it hangs up while it is not read.

    A descriptor has at most one reader and one writer. Call ``forget`` before closing it.
    """

    @abstractmethod
    def read(self, fd: int, on_readable: Callback) -> None:
        """Call back whenever the socket has something to read, until ``pause``."""

    @abstractmethod
    def pause(self, fd: int, on_hangup: Callback) -> None:
        """Do not read, and call back once if the socket hangs up meanwhile: reset, or ended both ways."""

    @abstractmethod
    def write(self, fd: int, on_writable: Callback) -> None:
        """Call back whenever the socket takes more, until ``stop_writing``."""

    @abstractmethod
    def stop_writing(self, fd: int) -> None:
        """Undo ``write``; idempotent."""

    @abstractmethod
    def forget(self, fd: int) -> None:
        """Drop everything about a socket that is about to be closed."""

    def spin_until(self, spin: SpinUntil) -> None:
        """Poll until a deadline that is near, and call then; a poller that cannot abandons it at once."""
        spin.on_abandoned()

    @abstractmethod
    def close(self) -> None:
        """Call back no more."""

    def abandon(self) -> None:  # noqa: B027 - most have no descriptor of their own
        """Close descriptors in the child of a fork; the parent goes on with its duplicates."""


class LoopPoller(Poller):
    """The loop's own watches, where there is no epoll. It sees no reset of a socket that is not read."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watched: set[int] = set()

    def read(self, fd: int, on_readable: Callback) -> None:
        self._watched.add(fd)
        self._loop.add_reader(fd, on_readable)

    def pause(self, fd: int, on_hangup: Callback) -> None:
        self._loop.remove_reader(fd)

    def write(self, fd: int, on_writable: Callback) -> None:
        self._watched.add(fd)
        self._loop.add_writer(fd, on_writable)

    def stop_writing(self, fd: int) -> None:
        self._loop.remove_writer(fd)

    def forget(self, fd: int) -> None:
        if fd in self._watched:
            self._watched.remove(fd)
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)

    def close(self) -> None:
        for fd in list(self._watched):
            self.forget(fd)
