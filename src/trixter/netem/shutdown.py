"""Ends by hand: a stream that fails when it is told to, and a close that the peer sees as a reset."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from threading import Lock
from typing import Any

from anyio import BrokenResourceError, TypedAttributeProvider
from anyio.abc import SocketAttribute

from trixter.netem.adapter import READ_BYTES, AnyByteStream, InterruptibleAdapter

_LINGER_ZERO = struct.pack("ii", 1, 0)
_LINGER_OFF = struct.pack("ii", 0, 0)


class Shutdowner(InterruptibleAdapter):
    """Fail from outside: ``shutdown(error)`` makes every call raise it, also those that wait.

    Args:
        inner: The stream.

    Example:
        >>> from anyio.streams.stapled import StapledByteStream
        >>> stream = Shutdowner(StapledByteStream(None, None))
        >>> stream.shutdown(ConnectionAbortedError("the test wants it so"))

    From tokio-netem's adapter of this name.
    """

    def __init__(self, inner: AnyByteStream) -> None:
        super().__init__(inner)
        self._error: BaseException | None = None
        self._lock = Lock()

    @property
    def _is_interrupted(self) -> bool:
        return self._error is not None

    def shutdown(self, error: Exception | None = None, *, reset: bool = False) -> None:
        """Fail from now on. Only the first call counts. It may come from any thread.

        Args:
            error: What is raised; by default ``anyio.BrokenResourceError``.
            reset: Whether the socket below, if there is one, sends RST when it is closed.
        """
        with self._lock:
            if self._error is not None:
                return
            self._error = error if error is not None else BrokenResourceError("shut down")
        if reset:
            reset_on_close(self)
        self._interrupt()

    async def receive(self, max_bytes: int = READ_BYTES) -> bytes:
        self._check()
        with self._interruptible():
            received = await super().receive(max_bytes)
            self._check()
            return received
        raise self._failed()

    async def send(self, item: bytes) -> None:
        self._check()
        with self._interruptible():
            await super().send(item)
        self._check()

    async def send_eof(self) -> None:
        self._check()
        with self._interruptible():
            await super().send_eof()
        self._check()

    def _check(self) -> None:
        if self._error is not None:
            raise self._failed()

    def _failed(self) -> BaseException:
        assert self._error is not None, "interrupted without a reason"
        return self._error.with_traceback(None)


def reset_on_close(stream: Any, enabled: bool = True) -> bool:
    """Let the socket below a stream send RST when it closes (``SO_LINGER`` 0), or an ordinary end again.

    At any time, through any stack of adapters: as the original's ``set_reset_linger``.

    Args:
        stream: An AnyIO stream, an asyncio ``StreamWriter`` or transport, or a socket.
        enabled: Whether it is a reset.

    Returns:
        Whether there was a socket that is open.
    """
    sock = stream if isinstance(stream, socket.socket) else _socket_of(stream)
    return sock is not None and _set_linger(sock, _LINGER_ZERO if enabled else _LINGER_OFF)


def _socket_of(stream: Any) -> Any:
    """Return the socket below, or what a loop shows of it, if there is one."""
    with suppress(AttributeError):  # AnyIO's word, on uvloop, for one that is closed already
        if isinstance(stream, TypedAttributeProvider):
            return stream.extra(SocketAttribute.raw_socket, None)
    with suppress(AttributeError):  # it is no transport
        return stream.get_extra_info("socket")
    return None


def _set_linger(sock: Any, value: bytes) -> bool:
    try:
        # What uvloop shows of a socket cannot set options; another descriptor of the same socket can.
        with socket.socket(fileno=os.dup(sock.fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, value)
    except (OSError, ValueError, AttributeError):
        return False
    return True
