"""A connection of an asyncio program with faults in both directions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from trixter.faults import CALM, Abort, Action, Close, Dice, Direction, Faults
from trixter.netem.aio.arrivals import Arrivals
from trixter.netem.aio.delivery import Delivery
from trixter.netem.aio.transport import FaultyTransport
from trixter.netem.given import GivenFaults, as_faults
from trixter.netem.reset import reset_on_close


class Link(asyncio.Protocol):
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
        on_made: Callable[[Link], None] | None = None,
        on_lost: Callable[[Link], None] | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        receiving = Direction.DOWNSTREAM if sending is Direction.UPSTREAM else Direction.UPSTREAM
        self.user = user
        self.above = FaultyTransport(self)
        self.is_closing = self.is_lost = self.is_clogged = False
        self.passed_bytes = {Direction.UPSTREAM: 0, Direction.DOWNSTREAM: 0}
        self._sending = sending
        self._loop = loop
        self._out = Delivery(
            faults.get(sending, CALM),
            dice.branch(sending.value),
            loop,
            self._leave,
            self.above.weigh,
            self.fail,
        )
        self.arrivals = Arrivals(
            self, receiving, faults.get(receiving, CALM), dice.branch(receiving.value), loop
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

    def change(self, direction: Direction, faults: GivenFaults) -> None:
        """Change the faults of a direction: at once, also for what is held; or raise ``SettingError``."""
        self._delivery(direction).faults = as_faults(faults)

    # What the transport below tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.below = cast(asyncio.Transport, transport)
        self.above.set_write_buffer_limits()
        if self._on_made is not None:
            self._on_made(self)
        for delivery in (self._out, self.arrivals.delivery):
            delivery.open()
        self.user.connection_made(self.above)

    def data_received(self, data: bytes) -> None:
        self.arrivals.put(data)

    def eof_received(self) -> bool:
        self.arrivals.put_eof()
        # Open until the end has come through; TLS beneath ends both ways at once, whatever one says.
        return self.below.get_extra_info("sslcontext") is None

    def pause_writing(self) -> None:
        self.is_clogged = True
        self.above.weigh()

    def resume_writing(self) -> None:
        self.is_clogged = False
        self.above.weigh()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.is_lost = True
        self._out.close()
        if self.is_closing:
            self._error = self._error or exc
            self._finish()
        elif exc is not None:
            # As on a wire, what the peer sent before its reset arrives before it.
            self._error = exc
            self.arrivals.put_reset()
        self.end_if_lost()

    def end_if_lost(self) -> None:
        """Tell that it ended, in order, when what was still under way has arrived.

        A program that reads no more, and waits until it may write, waits for just that: it is told at once.
        """
        waits_to_write = self.above.is_paused and not self.arrivals.is_wanted
        if self.is_lost and (self.arrivals.is_empty or waits_to_write):
            self._finish()

    def _finish(self) -> None:
        if self._is_over:
            return
        self._is_over = self.is_closing = True
        self.arrivals.close()
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
            self.passed_bytes[self._sending] += len(data)
            self.below.write(data)
            self.above.weigh()
        else:
            self._out.put(data)

    def send_eof(self) -> None:
        if not (self.is_closing or self.is_lost or self._is_finished):
            self._is_finished = True
            self._out.put_eof()

    def close(self) -> None:
        """Close when everything that is held has been sent."""
        if self.is_closing:
            return
        self.is_closing = True
        self.want(False)
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
        self.arrivals.close()
        if self.is_lost:
            self._loop.call_soon(self._finish)
        else:
            self.below.abort()

    def reset(self, reason: str = "reset") -> None:
        """Reset the connection: RST to the other side, ``ConnectionResetError`` to this one."""
        if not self.is_lost:  # its descriptor may be another's by now
            reset_on_close(self.below)
        self.abort(ConnectionResetError(reason))

    def want(self, wanted: bool) -> None:
        """Deliver what arrives, or keep it."""
        if not (self.is_closing and wanted):
            self.arrivals.want(wanted)

    def fail(self, exc: Exception) -> None:
        """End the connection, as a loop does when a protocol fails."""
        context = {"message": "Fatal error: protocol failed.", "exception": exc, "protocol": self.user}
        self._loop.call_exception_handler(context)
        self.abort(exc)

    def _leave(self, action: Action) -> None:
        if isinstance(action, bytes):
            self.passed_bytes[self._sending] += len(action)
            self.below.write(action)
        elif isinstance(action, Abort):
            self.reset(action.reason)
        elif isinstance(action, Close) or self.is_closing:
            self.below.close()
        else:
            self.below.write_eof()

    def _delivery(self, direction: Direction) -> Delivery:
        return self._out if direction is self._sending else self.arrivals.delivery
