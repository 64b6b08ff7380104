"""Pollers: what to call when a socket is ready."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

Callback = Callable[[], None]


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
