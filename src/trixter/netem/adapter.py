"""The base of all adapters: a stream around a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anyio import ClosedResourceError
from anyio.abc import ByteReceiveStream, ByteSendStream, ByteStream

AnyByteStream = ByteStream | ByteReceiveStream | ByteSendStream

# One read of a stream whose bytes take the long way; as much as AnyIO's streams give by default.
READ_BYTES = 65536


class Adapter(ByteStream):
    """Pass everything on to the stream inside.

    Args:
        inner: An AnyIO byte stream; one that only receives, or only sends, makes an adapter that does.
    """

    def __init__(self, inner: AnyByteStream) -> None:
        self._inner: Any = inner  # which of the three it is shows when it is used
        self._is_closed = False

    async def receive(self, max_bytes: int = READ_BYTES) -> bytes:
        """Receive at most so many bytes, at least one.

        Raises:
            anyio.EndOfStream: If the other side has sent its last.
            anyio.ClosedResourceError: If this side has closed it.
            anyio.BrokenResourceError: If it failed.
        """
        return bytes(await self._inner.receive(max_bytes))

    async def send(self, item: bytes) -> None:
        """Send all of it.

        Raises:
            anyio.ClosedResourceError: If this side has closed it.
            anyio.BrokenResourceError: If it failed.
        """
        await self._inner.send(item)

    async def send_eof(self) -> None:
        """Send the end; receiving goes on."""
        await self._inner.send_eof()

    async def aclose(self) -> None:
        """Close it."""
        self._is_closed = True
        await self._inner.aclose()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        attributes: Mapping[Any, Callable[[], Any]] = self._inner.extra_attributes
        return attributes

    @property
    def inner(self) -> AnyByteStream:
        """The stream inside."""
        inner: AnyByteStream = self._inner
        return inner

    def unwrap(self) -> tuple[AnyByteStream, bytes]:
        """Take the stream inside back: it stays open, and this adapter is closed.

        Returns:
            The stream, and what was received from it, or injected, and not read yet. What was injected and
            not sent yet is forgotten.

        Raises:
            anyio.BusyResourceError: If the adapter holds back what is being received or sent just now.
            anyio.ClosedResourceError: If it was closed, or taken back before.
        """
        self._require_open()
        inner, rest = self._inner, self._take_unread()
        self._inner, self._is_closed = _Unwrapped(), True
        return inner, rest

    def _take_unread(self) -> bytes:
        """Give up what was received and not read yet."""
        return b""

    def _require_open(self) -> None:
        if self._is_closed:
            raise ClosedResourceError


class _Unwrapped(ByteStream):
    """Stand where the stream inside was."""

    async def receive(self, max_bytes: int = READ_BYTES) -> bytes:
        raise ClosedResourceError

    async def send(self, item: bytes) -> None:
        raise ClosedResourceError

    async def send_eof(self) -> None:
        raise ClosedResourceError

    async def aclose(self) -> None: ...
