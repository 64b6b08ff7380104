"""The loop: which one to run on, and what everything that runs on it shares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from trixter.errors import OutOfDescriptors, os_error_text
from trixter.proxy.clock import Clock, clock_for
from trixter.proxy.descriptors import Descriptors
from trixter.proxy.epoll_poller import poller_for
from trixter.proxy.forks import close_in_children, keep_in_children
from trixter.proxy.memory import OF_THIS_PROCESS, InFlightMemory, Memory
from trixter.proxy.poller import Poller
from trixter.proxy.sockets import BUFFER_BYTES
from trixter.proxy.splicer import splicer


class LoopContext:
    """Hold what all proxies of a loop share, however many they are.

    That is one clock, one poller, one receive buffer, one splicer, one descriptor budget, and one pool of
    memory for bytes in flight. The buffer is filled and emptied within one callback, so all pipes can use it.

    Args:
        loop: The loop that watches the sockets.
        clock: Tells the time; by default the most punctual one there is. The context closes it.
        poller: Watches sockets; by default the best one there is. The context closes it.
        in_flight: Memory for what latency holds.
        memory: Counts what all directions hold; by default, those of this process.

    Raises:
        OutOfDescriptors: If no descriptor is left.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock | None = None,
        poller: Poller | None = None,
        in_flight: InFlightMemory | None = None,
        memory: Memory = OF_THIS_PROCESS,
    ) -> None:
        self.loop = loop
        try:
            self.poller = poller or poller_for(loop)
        except OSError as exc:
            raise OutOfDescriptors("", os_error_text(exc)) from exc
        self.clock = clock or clock_for(loop, self.poller)
        self.can_stamp = clock is None  # another clock knows nothing of the kernel's time
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self.splicer = splicer()
        self.descriptors = Descriptors()
        self.in_flight = in_flight or InFlightMemory()
        self.memory = memory
        close_in_children(self)

    def close(self) -> None:
        """Give everything back; no proxy may be left."""
        keep_in_children(self)
        self.clock.close()
        self.poller.close()
        if self.splicer is not None:
            self.splicer.close()

    def abandon(self) -> None:
        """Close descriptors in the child of a fork, whose parent goes on with them."""
        self.clock.abandon()
        self.poller.abandon()
        if self.splicer is not None:
            self.splicer.close()


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return uvloop's where it exists, else the standard library's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
