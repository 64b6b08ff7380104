"""What all adapters are: a stream around a stream."""

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

    def _require_open(self) -> None:
        if self._is_closed:
            raise ClosedResourceError
