"""Bytes that nobody sent, in a stream."""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from anyio import BrokenResourceError, BusyResourceError, ClosedResourceError

from trixter.netem.adapter import READ_BYTES, Adapter, AnyByteStream
from trixter.netem.interruptible import InterruptibleAdapter


class ReadInjector(InterruptibleAdapter):
    """Let a reader receive what was injected before the stream inside is asked, also one that waits for it.

    Args:
        inner: The stream.

    From tokio-netem's adapter of this name.
    """

    def __init__(self, inner: AnyByteStream) -> None:
        super().__init__(inner)
        self._injected = bytearray()

    @property
    def _is_interrupted(self) -> bool:
        return bool(self._injected)

    def inject(self, data: bytes) -> None:
        """Queue bytes for the reader, from any thread; none at all is nothing."""
        self._injected += data
        if data:
            self._interrupt()

    async def receive(self, max_bytes: int = READ_BYTES) -> bytes:
        while not self._injected:
            with self._interruptible():
                return await super().receive(max_bytes)
        self._require_open()
        received = bytes(self._injected[:max_bytes])
        del self._injected[:max_bytes]
        return received


class WriteInjector(Adapter):
    """Send what was injected before what is sent next, or before the end, or before it is closed.

    Args:
        inner: The stream.

    From tokio-netem's adapter of this name.
    """

    def __init__(self, inner: AnyByteStream) -> None:
        super().__init__(inner)
        self._injected: deque[bytes] = deque()

    def inject(self, data: bytes) -> None:
        """Queue bytes for the other side, from any thread; none at all is nothing."""
        if data:
            self._injected.append(data)

    async def send(self, item: bytes) -> None:
        await self._flush()
        await super().send(item)

    async def send_eof(self) -> None:
        await self._flush()
        await super().send_eof()

    async def aclose(self) -> None:
        """Close it; what was injected is sent first, if it still can be."""
        try:
            with suppress(BrokenResourceError, BusyResourceError, ClosedResourceError):
                await self._flush()
        finally:
            await super().aclose()

    async def _flush(self) -> None:
        # Taken out first: one that is cancelled while it is sent is not sent twice.
        while self._injected:
            await self._inner.send(self._injected.popleft())
