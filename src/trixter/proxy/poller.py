"""Waiting for sockets: who is to be called when one is ready."""

from __future__ import annotations

import asyncio
import select
from abc import ABC, abstractmethod
from collections.abc import Callable

Callback = Callable[[], None]

# Sockets seen to before the loop gets a turn. More is a little faster, and makes timers and the API wait.
MOST_EVENTS = 64


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

    @abstractmethod
    def close(self) -> None:
        """Call nobody any more."""


class EpollPoller(Poller):
    """One epoll for all sockets of a loop, which watches the epoll.

    Against a watch on the loop for each socket (uvloop's), it saves a handle of half a kilobyte for each,
    most of the cost of starting and ending a watch, and the loop's call of each callback; and it sees
    resets of sockets that nobody reads, which a loop does not offer. It costs one more system call a turn.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._masks: dict[int, int] = {}
        self._readers: dict[int, Callback] = {}
        self._writers: dict[int, Callback] = {}
        self._hangups: dict[int, Callback] = {}
        self._forgotten: set[int] = set()  # since the events at hand were fetched
        loop.add_reader(self._epoll.fileno(), self._on_ready)

    def read(self, fd: int, on_readable: Callback) -> None:
        self._hangups.pop(fd, None)
        self._readers[fd] = on_readable
        self._update(fd)

    def pause(self, fd: int, on_hangup: Callback) -> None:
        self._readers.pop(fd, None)
        self._hangups[fd] = on_hangup
        self._update(fd)

    def write(self, fd: int, on_writable: Callback) -> None:
        self._writers[fd] = on_writable
        self._update(fd)

    def stop_writing(self, fd: int) -> None:
        if self._writers.pop(fd, None) is not None:
            self._update(fd)

    def forget(self, fd: int) -> None:
        # Closing takes it out of the epoll: a system call less for each end of a connection.
        self._forgotten.add(fd)
        self._masks.pop(fd, None)
        self._readers.pop(fd, None)
        self._writers.pop(fd, None)
        self._hangups.pop(fd, None)

    def close(self) -> None:
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _update(self, fd: int) -> None:
        mask = (select.EPOLLIN if fd in self._readers else 0) | (
            select.EPOLLOUT if fd in self._writers else 0
        )
        # Hang-ups are reported whatever is asked for, and the state stays: where they are all we wait for,
        # once is enough.
        mask = mask or select.EPOLLONESHOT
        before = self._masks.get(fd)
        self._masks[fd] = mask
        if before is None:
            self._epoll.register(fd, mask)
        elif before != mask:
            self._epoll.modify(fd, mask)

    def _on_ready(self) -> None:
        self._forgotten.clear()
        for fd, events in self._epoll.poll(0, MOST_EVENTS):
            # A callback may close a socket that has an event further down the list, and the next accept may
            # get its number: to a dial, somebody else's event would look like an answer.
            if fd in self._forgotten:
                continue
            if events & select.EPOLLOUT and fd in self._writers:
                self._writers[fd]()
            if events != select.EPOLLOUT:
                callback = self._readers.get(fd) or self._hangups.get(fd)
                if callback is not None:
                    callback()
            if self._epoll.closed:
                return


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


def poller_for(loop: asyncio.AbstractEventLoop) -> Poller:
    """Return the best poller this system has."""
    return EpollPoller(loop) if hasattr(select, "epoll") else LoopPoller(loop)
