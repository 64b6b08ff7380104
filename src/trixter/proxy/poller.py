"""Waiting for sockets: who is to be called when one is ready."""

from __future__ import annotations

import asyncio
import select
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from trixter.proxy.patience import SPIN_S, Patience

Callback = Callable[[], None]

# Sockets seen to before the loop gets a turn. More is a little faster, and makes timers and the API wait.
MOST_EVENTS = 64

# After more than these, the loop's own look will not be in vain, and its turn is due.
FEW_EVENTS = 8

# How long we go on without giving the loop a turn: signals, the API and whatever else runs on it wait.
TURN_S = 0.001

# Looked up for every event otherwise; and a system without epoll imports this, too.
EPOLLIN = getattr(select, "EPOLLIN", 0)
EPOLLOUT = getattr(select, "EPOLLOUT", 0)
EPOLLONESHOT = getattr(select, "EPOLLONESHOT", 0)


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
    resets of sockets that nobody reads, which a loop does not offer. It costs one more system call a turn,
    and saves the loop's own when the answer comes while we are still awake.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._masks: dict[int, int] = {}
        self._readers: dict[int, Callback] = {}  # what to call for anything but room to write
        self._writers: dict[int, Callback] = {}
        self._forgotten: set[int] = set()  # since the events at hand were fetched
        self._patience = Patience()
        loop.add_reader(self._epoll.fileno(), self._on_ready)

    def read(self, fd: int, on_readable: Callback) -> None:
        self._readers[fd] = on_readable
        self._watch(fd, self._masks.get(fd, 0) | EPOLLIN)

    def pause(self, fd: int, on_hangup: Callback) -> None:
        self._readers[fd] = on_hangup
        self._watch(fd, self._masks.get(fd, 0) & ~EPOLLIN)

    def write(self, fd: int, on_writable: Callback) -> None:
        self._writers[fd] = on_writable
        self._watch(fd, self._masks.get(fd, 0) | EPOLLOUT)

    def stop_writing(self, fd: int) -> None:
        if self._writers.pop(fd, None) is not None:
            self._watch(fd, self._masks[fd] & ~EPOLLOUT)

    def forget(self, fd: int) -> None:
        # Closing takes it out of the epoll: a system call less for each end of a connection.
        self._forgotten.add(fd)
        self._masks.pop(fd, None)
        self._readers.pop(fd, None)
        self._writers.pop(fd, None)

    def close(self) -> None:
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _watch(self, fd: int, mask: int) -> None:
        # Hang-ups are reported whatever is asked for, and the state stays: where they are all we wait for,
        # once is enough.
        mask = mask & ~EPOLLONESHOT if mask & (EPOLLIN | EPOLLOUT) else EPOLLONESHOT
        before = self._masks.get(fd)
        self._masks[fd] = mask
        if before is None:
            self._epoll.register(fd, mask)
        elif before != mask:
            self._epoll.modify(fd, mask)

    def _on_ready(self) -> None:
        """See to what is ready; and while that is little, to what it brings about."""
        give_way_at = time.monotonic() + TURN_S
        events = self._epoll.poll(0, MOST_EVENTS)
        while events:
            self._see_to(events)
            if self._epoll.closed or len(events) > FEW_EVENTS or time.monotonic() > give_way_at:
                return
            events = self._look_again()

    def _see_to(self, events: list[tuple[int, int]]) -> None:
        self._forgotten.clear()
        for fd, event in events:
            # A callback may close a socket that has an event further down the list, and the next accept may
            # get its number: to a dial, somebody else's event would look like an answer.
            if fd in self._forgotten:
                continue
            if event & EPOLLOUT and fd in self._writers:
                self._writers[fd]()
            if event != EPOLLOUT and fd in self._readers:
                self._readers[fd]()
            if self._epoll.closed:
                return

    def _look_again(self) -> list[tuple[int, int]]:
        """Return what has become ready meanwhile, or does so before it would be cheaper to sleep."""
        if not self._patience.is_worth_it():
            return []
        poll, now = self._epoll.poll, time.monotonic
        sleep_at = now() + SPIN_S
        while not (events := poll(0, MOST_EVENTS)):
            if now() > sleep_at:
                self._patience.was_in_vain()
                return []
        self._patience.paid_off()
        return events


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
