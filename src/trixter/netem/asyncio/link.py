"""A connection of an asyncio program with faults in both directions."""

from __future__ import annotations

import asyncio
from asyncio.constants import _SendfileMode
from asyncio.transports import _FlowControlMixin
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from trixter.faults import NO_FAULTS, Abort, Action, Close, Dice, Direction, Fault, Faults
from trixter.faults.faults import as_faults
from trixter.netem.asyncio.delivery import Delivery
from trixter.netem.asyncio.receive import ReceivePath
from trixter.netem.shutdown import reset_on_close

FaultsSpec = Fault | Faults
"""The faults of one direction, or the only one."""

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

    def __init__(self, link: FaultyConnection) -> None:
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
        return self._link.receiving.is_reading

    def pause_reading(self) -> None:
        self._link.set_reading(False)

    def resume_reading(self) -> None:
        self._link.set_reading(True)

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
        self.update_flow_control()

    def update_flow_control(self) -> None:
        """Ask the user's protocol to pause or to go on, as what is held asks for."""
        size = self.get_write_buffer_size()
        if not self.is_paused and size > self._high_bytes:
            self._protocol_paused = True
            self._tell(self._link.user.pause_writing)
        elif self.is_paused and size <= self._low_bytes and not self._link.is_write_paused:
            self._protocol_paused = False
            self._tell(self._link.user.resume_writing)

    def _tell(self, call: Callable[[], None]) -> None:
        """Call a protocol callback; report its exception to the loop and go on, as asyncio does."""
        try:
            call()
        except Exception as exc:
            message = f"protocol.{call.__name__}() failed"
            context = {"message": message, "exception": exc, "transport": self, "protocol": self._link.user}
            asyncio.get_running_loop().call_exception_handler(context)


@dataclass(frozen=True, slots=True)
class LinkDirection:
    """One direction of a connection, as the faults of the other one know it.

    Args:
        link: The connection.
        direction: The direction.
    """

    link: FaultyConnection
    direction: Direction

    @property
    def forwarded_bytes(self) -> int:
        return self.link.forwarded_bytes[self.direction]

    @property
    def has_ended(self) -> bool:
        return self.link.has_ended(self.direction)


class FaultyConnection(asyncio.Protocol):
    """Be the protocol of the transport below, and the transport of the user's protocol above.

    Args:
        user: The protocol that the program made.
        sending: The direction of what the program sends: upstream for a client, downstream for a server.
        faults: What each direction starts with.
        dice: The connection's.
        on_made: Called before the user's protocol is told.
        on_lost: Called once, when it is over.
    """

    def __init__(
        self,
        user: asyncio.BaseProtocol,
        *,
        sending: Direction,
        faults: dict[Direction, Faults],
        dice: Dice,
        on_made: Callable[[FaultyConnection], None] | None = None,
        on_lost: Callable[[FaultyConnection], None] | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        receiving = sending.opposite
        self.user = user
        self.above = FaultyTransport(self)
        self.is_closing = self.is_lost = self.is_write_paused = False
        self.forwarded_bytes = {Direction.UPSTREAM: 0, Direction.DOWNSTREAM: 0}
        self._sending = sending
        self._loop = loop
        self._out = Delivery(
            faults.get(sending, NO_FAULTS),
            dice.branch(sending.value),
            loop,
            self._leave,
            self.above.update_flow_control,
            self.fail,
            LinkDirection(self, receiving),
        )
        self.receiving = ReceivePath(
            self,
            receiving,
            faults.get(receiving, NO_FAULTS),
            dice.branch(receiving.value),
            loop,
            LinkDirection(self, sending),
        )
        self._is_finished = self._is_over = False
        self._error: BaseException | None = None
        self._on_made, self._on_lost = on_made, on_lost

    @property
    def queued_bytes(self) -> int:
        """What was sent, is held by faults, and makes the sender wait."""
        return self._out.queued_bytes

    def faults(self, direction: Direction) -> Faults:
        """Return the faults in force in a direction."""
        return self._delivery(direction).faults

    def set_faults(self, direction: Direction, faults: FaultsSpec) -> None:
        """Change the faults of a direction: at once, also for what is held; or raise ``SettingError``."""
        self._delivery(direction).faults = as_faults(faults, direction)

    def has_ended(self, direction: Direction) -> bool:
        """Return whether nothing more is sent in a direction; nothing arrives at a program that closes."""
        return self.is_closing or (
            self._is_finished if direction is self._sending else self.receiving.has_ended
        )

    # What the transport below tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.below = cast(asyncio.Transport, transport)
        self.above.set_write_buffer_limits()
        if self._on_made is not None:
            self._on_made(self)
        for delivery in (self._out, self.receiving.delivery):
            delivery.open()
        self.user.connection_made(self.above)

    def data_received(self, data: bytes) -> None:
        self.receiving.put(data)

    def eof_received(self) -> bool:
        self.receiving.put_eof()
        self._out.release()  # a fault may have held an end back until now
        # Open until the end has come through; TLS beneath ends both ways at once, whatever one says.
        return self.below.get_extra_info("sslcontext") is None

    def pause_writing(self) -> None:
        self.is_write_paused = True
        self.above.update_flow_control()

    def resume_writing(self) -> None:
        self.is_write_paused = False
        self.above.update_flow_control()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.is_lost = True
        self._out.close()
        if self.is_closing:
            self._error = self._error or exc
            self._finish()
        elif exc is not None:
            # As on a wire, what the peer sent before its reset arrives before it.
            self._error = exc
            self.receiving.put_reset()
        self.end_if_lost()

    def end_if_lost(self) -> None:
        """Tell that it ended, in order, when what was still under way has arrived.

        A program that reads no more, and waits until it may write, waits for just that: it is told at once.
        """
        waits_to_write = self.above.is_paused and not self.receiving.is_reading
        if self.is_lost and (self.receiving.is_empty or waits_to_write):
            self._finish()

    def _finish(self) -> None:
        if self._is_over:
            return
        self._is_over = self.is_closing = True
        self.receiving.close()
        if self._on_lost is not None:
            self._on_lost(self)
        self.user.connection_lost(cast("Exception | None", self._error))

    # What the transport above is told.

    def send(self, data: bytes) -> None:
        if self._is_finished:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self.is_closing or self.is_lost or not data:
            return
        if self._out.is_calm:
            self.forwarded_bytes[self._sending] += len(data)
            self.below.write(data)
            self.above.update_flow_control()
        else:
            self._out.put(data)

    def send_eof(self) -> None:
        if not (self.is_closing or self.is_lost or self._is_finished):
            self._is_finished = True
            self._out.put_eof()
            self.receiving.delivery.release()

    def close(self) -> None:
        """Close when everything that is held has been sent."""
        if self.is_closing:
            return
        self.is_closing = True
        self.set_reading(False)
        if self.is_lost:
            self._loop.call_soon(self._finish)
        elif self._is_finished and self._out.is_empty:
            self.below.close()  # the end has been sent
        elif not self._is_finished:
            self._out.put_eof()

    def abort(self, exc: BaseException | None) -> None:
        """Close now; what is held is dropped."""
        self.is_closing = True
        self._error = self._error or exc
        self._out.close()
        self.receiving.close()
        if self.is_lost:
            self._loop.call_soon(self._finish)
        else:
            self.below.abort()

    def reset(self, reason: str = "reset") -> None:
        """Reset the connection: RST to the other side, ``ConnectionResetError`` to this one."""
        if not self.is_lost:  # its descriptor may be another's by now
            reset_on_close(self.below)
        self.abort(ConnectionResetError(reason))

    def set_reading(self, on: bool) -> None:
        """Deliver what arrives, or keep it."""
        if not (self.is_closing and on):
            self.receiving.set_reading(on)

    def fail(self, exc: Exception) -> None:
        """End the connection, as a loop does when a protocol fails."""
        context = {"message": "Fatal error: protocol failed.", "exception": exc, "protocol": self.user}
        self._loop.call_exception_handler(context)
        self.abort(exc)

    def _leave(self, action: Action) -> None:
        if isinstance(action, bytes):
            self.forwarded_bytes[self._sending] += len(action)
            self.below.write(action)
        elif isinstance(action, Abort) or (isinstance(action, Close) and action.reset):
            self.reset(action.reason)
        elif isinstance(action, Close) or self.is_closing:
            self.below.close()
        else:
            self.below.write_eof()

    def _delivery(self, direction: Direction) -> Delivery:
        return self._out if direction is self._sending else self.receiving.delivery
