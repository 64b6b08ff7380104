"""What a user's protocol sees of a connection with faults."""

from __future__ import annotations

import asyncio
from asyncio.constants import _SendfileMode
from asyncio.transports import _FlowControlMixin
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trixter.netem.aio.link import Link

HIGH_BYTES = 64 * 1024
"""What asyncio's transports buffer before they ask to pause."""


class FaultyTransport(_FlowControlMixin):
    """Be the transport, with the faults of what is sent between here and the one below.

    Args:
        link: The connection.
    """

    # What asyncio's loops ask for before they put TLS on top.
    _start_tls_compatible = True

    # And before ``loop.sendfile``: that the file is read, and written here, for the kernel's way goes around
    # the faults. They also want the class that this one extends.
    _sendfile_compatible = _SendfileMode.FALLBACK

    def __init__(self, link: Link) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._link = link
        self._high_bytes, self._low_bytes = HIGH_BYTES, HIGH_BYTES // 4
        self._protocol_paused = False  # the name by which ``loop.sendfile`` asks

    @property
    def is_paused(self) -> bool:
        """Whether the user's protocol was asked to write no more for now."""
        return self._protocol_paused

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._link.below.get_extra_info(name, default)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._link.user

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._link.user = protocol

    def is_reading(self) -> bool:
        return self._link.arrivals.is_wanted

    def pause_reading(self) -> None:
        self._link.want(False)

    def resume_reading(self) -> None:
        self._link.want(True)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        self._link.send(bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self._link.send(b"".join(list_of_data))

    def write_eof(self) -> None:
        self._link.send_eof()

    def can_write_eof(self) -> bool:
        return self._link.below.can_write_eof()

    def is_closing(self) -> bool:
        return self._link.is_closing or self._link.is_lost

    def close(self) -> None:
        self._link.close()

    def abort(self) -> None:
        self._link.abort(None)

    def _force_close(self, exc: BaseException | None) -> None:
        """Be asked by asyncio's TLS to give up."""
        self._link.abort(exc)

    def get_write_buffer_size(self) -> int:
        return self._link.below.get_write_buffer_size() + self._link.queued_bytes

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low_bytes, self._high_bytes

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if high is None:
            high = HIGH_BYTES if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high_bytes, self._low_bytes = high, low
        # The one below tells whenever it is at our low mark: its own marks would leave us waiting for word.
        self._link.below.set_write_buffer_limits(low, low)
        self.weigh()

    def weigh(self) -> None:
        """Ask the user's protocol to pause or to go on, as what is held asks for."""
        size = self.get_write_buffer_size()
        if not self.is_paused and size > self._high_bytes:
            self._protocol_paused = True
            self._tell(self._link.user.pause_writing)
        elif self.is_paused and size <= self._low_bytes and not self._link.is_clogged:
            self._protocol_paused = False
            self._tell(self._link.user.resume_writing)

    def _tell(self, call: Callable[[], None]) -> None:
        """Call it; as on any transport, who fails at that is heard of, and may go on."""
        try:
            call()
        except Exception as exc:
            message = f"protocol.{call.__name__}() failed"
            context = {"message": message, "exception": exc, "transport": self, "protocol": self._link.user}
            asyncio.get_running_loop().call_exception_handler(context)
