"""A connection of an asyncio program with faults in both directions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from trixter.faults import CALM, Abort, Action, Close, Dice, Direction, Eof, Faults
from trixter.netem.aio.course import Course
from trixter.netem.aio.inbox import Inbox, deliver
from trixter.netem.aio.transport import FaultyTransport
from trixter.netem.reset import reset_socket_on_close

LIMIT_BYTES = 4 * 1024 * 1024
"""Held of what arrives before reading pauses; it goes on at half of it."""


class Link(asyncio.Protocol):
    """Be the protocol of the transport below, and the transport of the user's protocol above.

    Args:
        user: The protocol that the program made.
        sending: The direction of what the program sends: upstream for a client, downstream for a server.
        faults: What each direction starts with.
        luck: The connection's.
        on_lost: Called once, when it is over.
    """

    def __init__(
        self,
        user: asyncio.BaseProtocol,
        *,
        sending: Direction,
        faults: dict[Direction, Faults],
        luck: Dice,
        on_lost: Callable[[Link], None] | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        receiving = Direction.DOWNSTREAM if sending is Direction.UPSTREAM else Direction.UPSTREAM
        self.user = user
        self.is_closing = False
        self.is_clogged = False
        self.passed_bytes = {Direction.UPSTREAM: 0, Direction.DOWNSTREAM: 0}
        self._sending, self._receiving = sending, receiving
        self._loop = loop
        self._out = Course(
            faults.get(sending, CALM), luck.branch(sending.value), loop, self._leave, self._fail
        )
        self._in = Course(
            faults.get(receiving, CALM), luck.branch(receiving.value), loop, self._arrive, self._fail
        )
        self.inbox = Inbox(loop, self._hand_over)
        self._is_reading = True
        self._is_finished = self._has_ended = self._is_lost = False
        self._error: BaseException | None = None
        self._on_lost = on_lost

    @property
    def queued_bytes(self) -> int:
        """What was sent, is held by faults, and makes the sender wait."""
        return self._out.queued_bytes

    def faults(self, direction: Direction) -> Faults:
        """Return the faults in force in a direction."""
        return self._course(direction).faults

    def change(self, direction: Direction, faults: Faults) -> None:
        """Change the faults of a direction: at once, also for what is held."""
        self._course(direction).faults = faults
        self._settle()

    # What the transport below tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.below = cast(asyncio.Transport, transport)
        self.above = FaultyTransport(self)
        self.user.connection_made(self.above)

    def data_received(self, data: bytes) -> None:
        if self._in.is_calm and self.inbox.is_through:
            self._deliver(data)
        else:
            self._in.put(data)
            self._settle()

    def eof_received(self) -> bool:
        self._has_ended = True
        self._in.put_eof()
        return True  # open until the end has come through

    def pause_writing(self) -> None:
        self.is_clogged = True
        self.above.weigh()

    def resume_writing(self) -> None:
        self.is_clogged = False
        self.above.weigh()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._is_lost = self.is_closing = True
        self._out.close()
        self._in.close()
        self.inbox.clear()
        if self._on_lost is not None:
            self._on_lost(self)
        self.user.connection_lost(cast("Exception | None", exc or self._error))

    # What the transport above is told.

    def send(self, data: bytes) -> None:
        if self._is_finished:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self.is_closing or not data:
            return
        if self._out.is_calm:
            self.passed_bytes[self._sending] += len(data)
            self.below.write(data)
        else:
            self._out.put(data)
        self.above.weigh()

    def send_eof(self) -> None:
        if not (self.is_closing or self._is_finished):
            self._is_finished = True
            self._out.put_eof()

    def close(self) -> None:
        """Close when everything that is held has been sent."""
        if self.is_closing:
            return
        self.is_closing = True
        self.want(False)
        if self._is_finished and self._out.is_empty:
            self.below.close()  # the end has been sent
        elif not self._is_finished:
            self._out.put_eof()

    def abort(self, exc: BaseException | None) -> None:
        """Close now; what is held is dropped."""
        self.is_closing = True
        self._error = self._error or exc
        self._out.close()
        self._in.close()
        self.below.abort()

    def reset(self, reason: str = "reset") -> None:
        """Reset the connection: RST to the other side, ``ConnectionResetError`` to this one."""
        reset_socket_on_close(self.below.get_extra_info("socket"))
        self.abort(ConnectionResetError(reason))

    def want(self, wanted: bool) -> None:
        """Deliver what arrives, or keep it."""
        if not (self.is_closing and wanted):
            self.inbox.want(wanted)
            self._settle()

    def _fail(self, exc: Exception) -> None:
        """End the connection, as a loop does when a protocol fails."""
        context = {"message": "Fatal error: protocol failed.", "exception": exc, "protocol": self.user}
        self._loop.call_exception_handler(context)
        self.abort(exc)

    # What the chains let go.

    def _leave(self, action: Action) -> None:
        if isinstance(action, bytes):
            self.passed_bytes[self._sending] += len(action)
            self.below.write(action)
            self.above.weigh()
        elif isinstance(action, Abort):
            self.reset(action.reason)
        elif isinstance(action, Close) or self.is_closing:
            self.below.close()
        else:
            self.below.write_eof()

    def _arrive(self, action: Action) -> None:
        if isinstance(action, Abort):
            self.reset(action.reason)
        elif isinstance(action, Close):
            self.below.close()
        else:
            self.inbox.put(action)

    def _hand_over(self, item: bytes | Eof) -> None:
        if isinstance(item, bytes):
            self._deliver(item)
        elif not self.is_closing and not cast(asyncio.Protocol, self.user).eof_received():
            self.close()

    def _deliver(self, data: bytes) -> None:
        self.passed_bytes[self._receiving] += len(data)
        deliver(self.user, data)

    def _settle(self) -> None:
        """Read from below while the user wants to and not too much is held."""
        if self._is_lost or self._has_ended:  # some loops tell of the end again to who reads on
            return
        held_bytes, is_wanted = self._in.held_bytes + self.inbox.held_bytes, self.inbox.is_wanted
        if self._is_reading and (not is_wanted or held_bytes > LIMIT_BYTES):
            self._is_reading = False
            self.below.pause_reading()
        elif not self._is_reading and is_wanted and held_bytes <= LIMIT_BYTES // 2:
            self._is_reading = True
            self.below.resume_reading()

    def _course(self, direction: Direction) -> Course:
        return self._out if direction is self._sending else self._in
