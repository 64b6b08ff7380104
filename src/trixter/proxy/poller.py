"""Waiting for sockets: who is to be called when one is ready."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

Callback = Callable[[], None]


class Vigil(NamedTuple):
    """A time that is so near that it is not worth going to sleep."""

    until: float
    on_time: Callback
    on_given_up: Callback
    """Called if there is too much to do meanwhile: somebody else must see to it."""


class Poller(ABC):
    """Call back when a socket can be read or written, or when it hangs up while nobody reads it.

    A descriptor has at most one reader and one writer. Whoever closes it calls ``forget`` first.
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
        """Undo ``write``; one that nobody writes is no error."""

    @abstractmethod
    def forget(self, fd: int) -> None:
        """Drop everything about a socket that is about to be closed."""

    def keep_vigil(self, vigil: Vigil) -> None:
        """Stay awake until a time that is near, and call then; one that cannot gives it up at once."""
        vigil.on_given_up()

    @abstractmethod
    def close(self) -> None:
        """Call nobody any more."""

    def abandon(self) -> None:  # noqa: B027 - most have no descriptor of their own
        """Close descriptors in the child of a fork; the parent goes on with its duplicates."""


class LoopPoller(Poller):
    """The loop's own watches, where there is no epoll. A reset that nobody reads goes unseen meanwhile."""

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
