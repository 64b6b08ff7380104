"""The API's HTTP protocol: uvicorn's, with deadlines and limits against slow and hostile clients."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import h11
import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from trixter.api.limits import ConnectionLimit, RefusalLog
from trixter.api.schemas import ErrorReply

# From the first byte of a request, or the connection's first moment, until the last byte of its body.
REQUEST_S = 10.0

# A client that reads nothing of a response for so long is gone, or holds the connection on purpose.
ANSWER_S = 60.0

# The most that a request line and headers may have. (Node.js: 16 KiB; nginx: 8 KiB for each of 4 lines.)
HEAD_BYTES = 16 * 1024

# h11 checks the limit only while a head is incomplete, so it gets the head in pieces.
HEAD_PIECE_BYTES = 4 * 1024

# Long enough for a client to read its response over a slow network.
LINGER_S = 1.0

# What a well-behaved client has in flight when it is refused: the socket buffers of a slow network.
LINGER_BYTES = 256 * 1024

# A client that does not read the end of a response within this time does not get it.
LAST_BYTES_S = 10.0

NOT_HTTP = f"the request is not HTTP, or its head has more than {HEAD_BYTES} bytes"

log = logging.getLogger("trixter.api.http")
# uvicorn logs a warning for each bad request; ours are limited in rate.
log.addFilter(lambda record: record.levelno >= logging.ERROR)


class ApiProtocol(H11Protocol):
    """The protocol of one connection.

    Args:
        config: uvicorn's configuration, loaded.
        server_state: uvicorn's sets of connections and tasks.
        limit: Is told when the connection waits for its client.
        refusals: Logs requests that are not HTTP.
        on_lost: Called when the connection has ended.
    """

    transport: LingeringTransport

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        limit: ConnectionLimit,
        refusals: RefusalLog,
        on_lost: Callable[[ApiProtocol], None],
    ) -> None:
        super().__init__(config, server_state, {}, asyncio.get_running_loop())
        self.logger = log
        self._app: ASGIApp = config.loaded_app
        self.app = self._answer
        self._limit = limit
        self._refusals = refusals
        self._on_lost = on_lost
        self._request_deadline: asyncio.TimerHandle | None = None
        self._answer_deadline: asyncio.TimerHandle | None = None
        self.waiting_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(LingeringTransport(transport, self.loop, self._is_unread))
        self._begin_to_wait()
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self.waiting_since = None
        self._stop_timers()
        self.transport.forget()
        super().connection_lost(exc)
        self._on_lost(self)

    def data_received(self, data: bytes) -> None:
        while data:
            if self.transport.is_closing():
                self.transport.discard(len(data))
                return
            is_head = self.conn.their_state is h11.IDLE
            piece, data = (data[:HEAD_PIECE_BYTES], data[HEAD_PIECE_BYTES:]) if is_head else (data, b"")
            super().data_received(piece)
        if self._is_incomplete():
            self._expect_request()
        else:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._begin_to_wait()  # for the client to read, and to close
        elif self._is_incomplete():
            self._begin_to_wait()
            if self.conn.their_state is not h11.IDLE:  # else the keep-alive ends it
                self._expect_request()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._answer_deadline = self.loop.call_later(ANSWER_S, self.give_up)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._answer_deadline is not None:
            self._answer_deadline.cancel()
            self._answer_deadline = None

    def give_up(self) -> None:
        """Abort the connection."""
        self.waiting_since = None
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        client = self.client and f"{self.client[0]}:{self.client[1]}"
        self._refusals.warn("API: refused a request of %s: %s", client, NOT_HTTP)
        body = msgspec.json.encode(ErrorReply(NOT_HTTP, "bad_request"))
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("connection", "close"),
        ]
        response = h11.Response(status_code=HTTPStatus.BAD_REQUEST, headers=headers, reason="Bad Request")
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self._stop_waiting()
        self.transport.close()

    def _should_upgrade(self) -> bool:
        return False  # without a warning for each request that asks for it

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application, and close the connection if the bytes after the request are in doubt."""
        cycle = self.cycle

        async def send_on(message: Message) -> None:
            # A body that the application has not read would have to be read, however long it is. A length
            # beside a transfer encoding may be request smuggling past a server in front: RFC 9112 6.3.
            if message["type"] == "http.response.start" and (cycle.more_body or _has_two_lengths(scope)):
                message = {**message, "headers": [*message["headers"], CLOSE_HEADER]}
            await send(message)

        await self._app(scope, receive, send_on)

    def _is_incomplete(self) -> bool:
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    def _is_unread(self) -> bool:
        return self.conn.their_state in (h11.SEND_BODY, h11.ERROR) or bool(self.conn.trailing_data[0])

    def _begin_to_wait(self) -> None:
        self.waiting_since = self.loop.time()
        self._limit.on_waiting()

    def _stop_waiting(self) -> None:
        self.waiting_since = None
        if self._request_deadline is not None:
            self._request_deadline.cancel()
            self._request_deadline = None

    def _expect_request(self) -> None:
        if self._request_deadline is None and not self.transport.is_closing():
            self._request_deadline = self.loop.call_later(REQUEST_S, self.give_up)

    def _stop_timers(self) -> None:
        self._unset_keepalive_if_required()
        for timer in (self._request_deadline, self._answer_deadline):
            if timer is not None:
                timer.cancel()


class LingeringTransport(asyncio.Transport):
    """A wrapper of a transport, whose close lingers if bytes of the client are unread.

    So a response reaches a client that is still sending. Closing a socket with unread bytes resets the
    connection, and the reset may overtake the response. RFC 9112 9.6 describes the remedy: half-close, and
    read on for a while. A client that never stops sending is not read for ever: after ``LINGER_BYTES`` the
    kernel's flow control stops it.

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


def _has_two_lengths(scope: Scope) -> bool:
    names = {name for name, _ in scope["headers"]}
    return b"content-length" in names and b"transfer-encoding" in names
