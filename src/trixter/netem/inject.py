"""Injection: bytes in a stream that no peer sent."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from threading import RLock
from weakref import WeakSet

from anyio import BrokenResourceError, BusyResourceError, ClosedResourceError

from trixter.netem.adapter import READ_BYTES, Adapter, AnyByteStream, InterruptibleAdapter


class Injector:
    """The far end of injectors in one expression: ``netem(stream).inject_reads(injector)``.

    What is injected goes to every stream that was given it; before there is one, it is kept for the first.
    Streams that are gone are forgotten by themselves.

    Example:
        >>> from anyio.streams.stapled import StapledByteStream
        >>> injector = Injector()
        >>> injector.inject(b"read first")
        >>> stream = ReadInjector(StapledByteStream(None, None), injector)
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._kept: list[bytes] = []
        self._subscribers: WeakSet[ReadInjector | WriteInjector] = WeakSet()

    def inject(self, data: bytes) -> None:
        """Queue bytes for each of the streams, from any thread; none at all is nothing."""
        with self._lock:
            subscribers = list(self._subscribers)
            if not subscribers:
                self._kept.append(data)
            for subscriber in subscribers:
                subscriber.inject(data)

    def hold(self, subscriber: ReadInjector | WriteInjector) -> None:
        """Add a stream that gets what is injected from now on."""
        with self._lock:
            kept, self._kept = self._kept, []
            for data in kept:
                subscriber.inject(data)
            self._subscribers.add(subscriber)


class ReadInjector(InterruptibleAdapter):
    """Let a reader receive what was injected before the stream inside is asked, also one that waits for it.

    Args:
        inner: The stream.
        injector: Injects, too: for expressions, and for several streams at once.

    From tokio-netem's adapter of this name.
    """

    def __init__(self, inner: AnyByteStream, injector: Injector | None = None) -> None:
        super().__init__(inner)
        self._injected = bytearray()
        if injector is not None:
            injector.hold(self)

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

    def _take_unread(self) -> bytes:
        super()._take_unread()
        unread = bytes(self._injected)
        self._injected.clear()
        return unread


class WriteInjector(Adapter):
    """Send what was injected before what is sent next, or before the end, or before it is closed.

    Args:
        inner: The stream.
        injector: Injects, too: for expressions, and for several streams at once.

    From tokio-netem's adapter of this name.
    """

    def __init__(self, inner: AnyByteStream, injector: Injector | None = None) -> None:
        super().__init__(inner)
        self._injected: deque[bytes] = deque()
        if injector is not None:
            injector.hold(self)

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

    def _take_unread(self) -> bytes:
        self._injected.clear()
        return b""

    async def _flush(self) -> None:
        # Taken out first: one that is cancelled while it is sent is not sent twice.
        while self._injected:
            await self._inner.send(self._injected.popleft())
