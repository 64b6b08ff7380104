"""The base of all adapters: a stream around a stream."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from anyio import BusyResourceError, CancelScope, ClosedResourceError
from anyio.abc import ByteReceiveStream, ByteSendStream, ByteStream

AnyByteStream = ByteStream | ByteReceiveStream | ByteSendStream

# One read of a stream whose bytes take the long way; as much as AnyIO's streams give by default.
READ_BYTES = 65536


class Waker:
    """Call something on the event loop that made this: at once from its own thread, else as soon as it turns.

    Made while a task of that loop runs: asyncio's, uvloop's, or Trio's.
    """

    __slots__ = ("_call_soon", "_thread")

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        try:
            self._call_soon: Callable[..., object] = asyncio.get_running_loop().call_soon_threadsafe
        except RuntimeError:  # Trio's
            trio: Any = sys.modules["trio"]
            self._call_soon = trio.lowlevel.current_trio_token().run_sync_soon

    def call(self, function: Callable[[], object]) -> None:
        """Call it; not at all if the loop has ended, because nothing waits there any more."""
        if threading.get_ident() == self._thread:
            function()
        else:
            with suppress(RuntimeError):  # asyncio's word, and the base of Trio's, for a loop that has ended
                self._call_soon(function)


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


class InterruptibleAdapter(Adapter):
    """Keep the scopes of the tasks that wait for the stream inside."""

    def __init__(self, inner: AnyByteStream) -> None:
        super().__init__(inner)
        self._waiting: dict[CancelScope, Waker] = {}

    def _take_unread(self) -> bytes:
        if self._waiting:
            raise BusyResourceError("using")
        return b""

    @property
    def _is_interrupted(self) -> bool:
        """Whether there is a reason not to wait."""
        raise NotImplementedError

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """End what is awaited inside at an interruption; that it was ended is no error here."""
        with CancelScope() as scope:
            self._waiting[scope] = Waker()
            if self._is_interrupted:  # by another thread, which could not see yet that this waits
                scope.cancel()
            try:
                yield
            finally:
                del self._waiting[scope]

    def _interrupt(self) -> None:
        """End what is awaited, from any thread."""
        for scope, waker in list(self._waiting.items()):
            waker.call(partial(self._cancel, scope))

    def _cancel(self, scope: CancelScope) -> None:
        if scope in self._waiting:  # it may have got what it waited for meanwhile
            scope.cancel()
