"""What all pipes of one loop share."""

from __future__ import annotations

import asyncio

from trixter.proxy.clock import Clock, clock_for

# One read. Large enough that bulk traffic spends its time copying, not calling; shared, so it costs once.
BUFFER_BYTES = 256 * 1024


class Reactor:
    """Hold a loop's clock and its receive buffer.

    The buffer is filled and emptied within one callback, so all pipes can use the same.

    Args:
        loop: The loop that watches the sockets.
        clock: Tells the time; by default the most punctual one there is. The reactor closes it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock | None = None) -> None:
        self.loop = loop
        self.clock = clock or clock_for(loop)
        self.buffer = memoryview(bytearray(BUFFER_BYTES))

    def close(self) -> None:
        self.clock.close()
