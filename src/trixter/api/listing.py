"""Showing all connections without standing in the way of any."""

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

# What is handed to the socket at once. Copying it takes some ten microseconds; the whole of 10,000
# connections is megabytes, and takes milliseconds.
SENT_BYTES = 64 * 1024

_encoder = msgspec.json.Encoder()


async def listing(connections: Iterable[Connection], is_chosen: Callable[[Connection], bool]) -> Response:
    """Answer with the chosen connections that are live, in turns with everybody else.

    It is made whole before the first byte is sent: a slow reader keeps no connection in memory, and if it
    fails, it fails as a 500 and not as half an answer.
    """
    turns = Turns()
    body = bytearray(b"[")
    for connection in connections:
        if connection.ending is None and is_chosen(connection):
            _append(body, status_of(connection))
        await turns.take()
    if len(body) > 1:
        body.pop()  # the comma after the last
    body += b"]"
    return InPieces(body)


def _append(body: bytearray, status: Status) -> None:
    _encoder.encode_into(status, body, -1)
    body += b","


class InPieces(Response):
    """Send a large JSON body piece by piece, with the loop free between two of them.

    Args:
        body: Encoded already.
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
