"""A lingering close: a response reaches a client that is still sending.

Closing a socket with unread bytes resets the connection, and the reset may overtake the response. RFC 9112
9.6 describes the remedy: half-close, and read on for a while. A client that never stops sending is not read
for ever: after ``LINGER_BYTES`` the kernel's flow control stops it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

# Long enough for a client to read its response over a slow network.
LINGER_S = 1.0

# What a well-behaved client has in flight when it is refused: the socket buffers of a slow network.
LINGER_BYTES = 256 * 1024

# A client that does not read the end of a response within this time does not get it.
LAST_BYTES_S = 10.0


class LingeringTransport(asyncio.Transport):
    """A wrapper of a transport, whose close lingers if bytes of the client are unread.

    Args:
        transport: The transport.
        loop: Its loop.
        is_unread: Called at the close; returns whether unread bytes of the client may be there or arrive.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, is_unread: Callable[[], bool]
    ) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._is_unread = is_unread
        self._discarded_bytes = 0
        self._end: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Close, at once or after lingering; nothing more is written. Idempotent."""
        if self.is_closing():
            return
        if self._is_unread():
            self._end = self._loop.call_later(LINGER_S, self.abort)
            self._transport.write_eof()
            self._transport.resume_reading()
            return
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._end = self._loop.call_later(LAST_BYTES_S, self.abort)

    def discard(self, size_bytes: int) -> None:
        """Count bytes that arrived after the close; stop reading beyond ``LINGER_BYTES``."""
        self._discarded_bytes += size_bytes
        if self._discarded_bytes > LINGER_BYTES and not self._transport.is_closing():
            self._transport.pause_reading()

    def abort(self) -> None:
        self.forget()
        self._transport.abort()

    def forget(self) -> None:
        """Cancel the timer: the connection has ended."""
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def is_closing(self) -> bool:
        return self._end is not None or self._transport.is_closing()

    def write(self, data: Any) -> None:
        self._transport.write(data)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)
