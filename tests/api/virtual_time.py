"""A loop without sockets, whose time passes at once."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class _JumpingSelector(selectors.SelectSelector):
    """Never sleep: when no I/O is ready, move the clock to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("no timer and no I/O can wake this test")
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run it; hours take milliseconds."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main)


class FakeTransport(asyncio.Transport):
    """Keep what is written, and tell a protocol of its end as a real one would."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 50000), "sockname": ("127.0.0.1", 8888)})
        self.protocol: asyncio.Protocol | None = None
        self.written = b""
        self.unsent_bytes = 0
        self.is_paused = self.has_eof = False
        self.ended: str | None = None
        self.ended_at: float | None = None

    def write(self, data: Any) -> None:
        assert self.ended is None
        self.written += data

    def write_eof(self) -> None:
        self.has_eof = True

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def get_write_buffer_size(self) -> int:
        return self.unsent_bytes

    def is_closing(self) -> bool:
        return self.ended is not None

    def close(self) -> None:
        self._end("closed")

    def abort(self) -> None:
        self._end("reset")

    def _end(self, how: str) -> None:
        if self.ended in (None, "closed"):
            was = self.ended
            self.ended, self.ended_at = how, asyncio.get_running_loop().time()
            if self.protocol is not None and was is None:
                asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)
