"""What has arrived at a program, whether it wants it or not."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from trixter.faults import Eof, Reset

Item = bytes | memoryview | Eof | Reset


class Inbox:
    """Hand over what arrives while the program wants to read; keep it meanwhile.

    Args:
        loop: Has a turn between wanting again and getting.
        hand_over: Called with each piece, and with the end; returns the rest of a piece that was not taken.
        on_settled: Called when somebody who wanted again has caught up.
        on_failure: Called if ``hand_over`` raises.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        hand_over: Callable[[Item], Item | None],
        on_settled: Callable[[], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self.is_wanted = True
        self.held_bytes = 0
        """What waits."""
        self._loop = loop
        self._hand_over = hand_over
        self._on_settled = on_settled
        self._on_failure = on_failure
        self._unread: deque[Item] = deque()
        self._is_handing = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits, and nothing is being handed over."""
        return not (self._unread or self._is_handing)

    def put(self, item: bytes | Eof | Reset) -> None:
        """Hand it over, behind what waits."""
        self._unread.append(item)
        self.held_bytes += _size_of(item)
        self._hand_on()

    def want(self, wanted: bool) -> None:
        """Keep what arrives, or hand it over again: soon, and never to somebody who is just calling."""
        self.is_wanted = wanted
        if wanted and self._unread:
            self._loop.call_soon(self._catch_up)

    def clear(self) -> None:
        """Forget what waits."""
        self._unread.clear()
        self.held_bytes = 0

    def _catch_up(self) -> None:
        self._hand_on()
        self._on_settled()

    def _hand_on(self) -> None:
        if self._is_handing:  # called back by who is just handed something
            return
        self._is_handing = True
        try:
            while self.is_wanted and self._unread:
                item = self._unread.popleft()
                self.held_bytes -= _size_of(item)
                if rest := self._hand_over(item):
                    self._unread.appendleft(rest)
                    self.held_bytes += _size_of(rest)
        except Exception as exc:
            self._on_failure(exc)
        finally:
            self._is_handing = False


def deliver(user: asyncio.BaseProtocol, data: bytes | memoryview) -> memoryview | None:
    """Give bytes to a protocol of either kind; return what does not fit into its buffer."""
    if not isinstance(user, asyncio.BufferedProtocol):  # as loops tell them apart: none need be a subclass
        user.data_received(bytes(data))  # type: ignore[attr-defined]
        return None
    buffer = memoryview(user.get_buffer(len(data)))
    size = min(len(buffer), len(data))
    if not size:
        raise RuntimeError("get_buffer() returned an empty buffer")
    buffer[:size] = data[:size]
    user.buffer_updated(size)
    return memoryview(data)[size:]


def _size_of(item: Item) -> int:
    return 0 if isinstance(item, Eof | Reset) else len(item)
