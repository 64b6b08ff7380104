"""The loop: which one to run on, and what everything that runs on it shares."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable

from trixter.errors import OutOfDescriptors, os_error_text
from trixter.proxy.clock import Clock, LoopClock
from trixter.proxy.descriptors import DescriptorBudget, close_in_children, keep_in_children
from trixter.proxy.epoll import EpollPoller
from trixter.proxy.memory import OF_THIS_PROCESS, InFlightMemory, Memory
from trixter.proxy.poller import LoopPoller, Poller, WakeupLatency
from trixter.proxy.sink import Backlogs
from trixter.proxy.sockets import BUFFER_BYTES
from trixter.proxy.splice import splicer
from trixter.proxy.timerfd import TimerfdClock


class LoopContext:
    """The context that all proxies of a loop share, however many they are.

    It has one clock, one poller, one receive buffer, one splicer, one descriptor budget, and one pool of
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
        wakeup = WakeupLatency()
        try:
            self.poller = poller or poller_for(loop, wakeup)
        except OSError as exc:
            raise OutOfDescriptors("", os_error_text(exc)) from exc
        self.clock = clock or clock_for(loop, self.poller, wakeup)
        self.can_stamp = clock is None  # another clock knows nothing of the kernel's time
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self.splicer = splicer()
        self.descriptors = DescriptorBudget()
        self.in_flight = in_flight or InFlightMemory()
        self.memory = memory
        self.backlogs = Backlogs()
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


def poller_for(loop: asyncio.AbstractEventLoop, wakeup: WakeupLatency) -> Poller:
    """Return the best poller this system has.

    Raises:
        OSError: If no descriptor is left for it.
    """
    return EpollPoller(loop, wakeup) if hasattr(select, "epoll") else LoopPoller(loop)


def clock_for(loop: asyncio.AbstractEventLoop, poller: Poller, wakeup: WakeupLatency) -> Clock:
    """Return the most punctual clock this system has."""
    try:
        return TimerfdClock(poller, wakeup)
    except OSError:
        return LoopClock(loop)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return uvloop's where it exists, else the standard library's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
