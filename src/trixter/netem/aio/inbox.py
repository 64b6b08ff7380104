"""What has arrived at a program, whether it wants it or not."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from trixter.faults import Eof


class Inbox:
    """Hand over what arrives while the program wants to read; keep it meanwhile.

    Args:
        loop: Has a turn between wanting again and getting.
        hand_over: Called with each piece, and with the end.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, hand_over: Callable[[bytes | Eof], None]) -> None:
        self.is_wanted = True
        self._loop = loop
        self._hand_over = hand_over
        self._unread: deque[bytes | Eof] = deque()

    @property
    def is_through(self) -> bool:
        """Whether what arrives now is handed over now."""
        return self.is_wanted and not self._unread

    @property
    def held_bytes(self) -> int:
        """What waits."""
        return sum(len(item) for item in self._unread if isinstance(item, bytes))

    def put(self, item: bytes | Eof) -> None:
        """Hand it over, behind what waits."""
        if self.is_through:
            self._hand_over(item)
        else:
            self._unread.append(item)

    def want(self, wanted: bool) -> None:
        """Keep what arrives, or hand it over again: soon, and never to somebody who is just calling."""
        self.is_wanted = wanted
        if wanted and self._unread:
            self._loop.call_soon(self._catch_up)

    def clear(self) -> None:
        """Forget what waits."""
        self._unread.clear()

    def _catch_up(self) -> None:
        while self.is_wanted and self._unread:
            self._hand_over(self._unread.popleft())


def deliver(user: asyncio.BaseProtocol, data: bytes) -> None:
    """Give bytes to a protocol of either kind."""
    if isinstance(user, asyncio.Protocol):
        user.data_received(data)
        return
    assert isinstance(user, asyncio.BufferedProtocol), f"{user!r} can receive nothing"
    view = memoryview(data)
    while view:
        buffer = memoryview(user.get_buffer(len(view)))
        size = min(len(buffer), len(view))
        buffer[:size] = view[:size]
        user.buffer_updated(size)
        view = view[size:]
