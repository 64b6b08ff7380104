"""What all pipes of one loop share."""

from __future__ import annotations

import asyncio

from trixter.proxy.clock import Clock, clock_for
from trixter.proxy.epoll_poller import poller_for
from trixter.proxy.memory import OF_THIS_PROCESS, Memory
from trixter.proxy.poller import Poller
from trixter.proxy.sockets import BUFFER_BYTES
from trixter.proxy.splicer import splicer
from trixter.proxy.wire import Wire


class Reactor:
    """Hold a loop's clock, its poller, its receive buffer and its splicer.

    The buffer is filled and emptied within one callback, so all pipes can use the same.

    Args:
        loop: The loop that watches the sockets.
        clock: Tells the time; by default the most punctual one there is. The reactor closes it.
        poller: Watches sockets; by default the best one there is. The reactor closes it.
        wire: Memory for what latency holds.
        memory: Counts what all directions hold; by default, those of this process.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock | None = None,
        poller: Poller | None = None,
        wire: Wire | None = None,
        memory: Memory = OF_THIS_PROCESS,
    ) -> None:
        self.loop = loop
        self.poller = poller or poller_for(loop)
        self.clock = clock or clock_for(loop, self.poller)
        self.can_stamp = clock is None  # another clock knows nothing of the kernel's time
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self.splicer = splicer()
        self.wire = wire or Wire()
        self.memory = memory

    def close(self) -> None:
        """Give everything back; no pipe may be left."""
        self.clock.close()
        self.poller.close()
        if self.splicer is not None:
            self.splicer.close()
