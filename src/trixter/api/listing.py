"""The listing of connections, which lets traffic pass while it is made and sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from trixter.api.schemas import Status
from trixter.api.status import status_of
from trixter.api.turns import Turns
from trixter.proxy import Connection

# The size of one write. Copying it takes some ten microseconds; a listing of 10,000 connections is megabytes,
# and takes milliseconds.
SENT_BYTES = 64 * 1024

_encoder = msgspec.json.Encoder()


async def listing(connections: Iterable[Connection], is_chosen: Callable[[Connection], bool]) -> Response:
    """Return the live connections that are chosen, yielding to the loop in between.

    The listing is complete before its first byte is sent: a slow client keeps no connection in memory, and a
    failure is a 500 and not half a response.
    """
    turns = Turns()
    body = bytearray(b"[")
    for connection in connections:
        if connection.end_reason is None and is_chosen(connection):
            _append(body, status_of(connection))
        await turns.take()
    if len(body) > 1:
        body.pop()  # the comma after the last
    body += b"]"
    return ChunkedJsonResponse(body)


def _append(body: bytearray, status: Status) -> None:
    _encoder.encode_into(status, body, -1)
    body += b","


class ChunkedJsonResponse(Response):
    """A large JSON body, sent in pieces with an iteration of the loop between them.

    Args:
        body: Encoded JSON.
    """

    media_type = "application/json"

    def __init__(self, body: bytearray) -> None:
        super().__init__(memoryview(body))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for start in range(0, len(self.body), SENT_BYTES):
            piece = bytes(self.body[start : start + SENT_BYTES])
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
