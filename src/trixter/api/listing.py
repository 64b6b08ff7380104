"""Listings of connections, and the time slices in which long jobs let traffic flow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from trixter.api.schemas import Status
from trixter.api.status import status_of
from trixter.monotonic import monotonic
from trixter.proxy import Connection

# How long a job may keep the loop. A byte in transit waits that long at most: short against the 10 ms that
# a listing of 10,000 connections takes, and long against the few microseconds that an iteration of an idle
# loop costs the job. Some 150 connections are listed in one slice, and 60 changed.
TIME_SLICE_S = 0.001

# The size of one write. Copying it takes some ten microseconds; a listing of 10,000 connections is megabytes,
# and takes milliseconds.
SENT_BYTES = 64 * 1024

_encoder = msgspec.json.Encoder()


class TimeSlice:
    """The time slice of a long job, which calls ``checkpoint`` between two small pieces of its work.

    It is measured in time and not in pieces, because pieces differ: changing the faults of a connection
    that holds megabytes may send them all.

    Args:
        clock: Returns the time, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._over_at = clock() + TIME_SLICE_S

    async def checkpoint(self) -> None:
        """Yield to the loop if the slice is used up; then a new one begins."""
        if self._clock() >= self._over_at:
            await asyncio.sleep(0)
            self._over_at = self._clock() + TIME_SLICE_S


async def listing(connections: Iterable[Connection], is_chosen: Callable[[Connection], bool]) -> Response:
    """Return the live connections that are chosen, yielding to the loop in between.

    The listing is complete before its first byte is sent: a slow client keeps no connection in memory, and a
    failure is a 500 and not half a response.
    """
    time_slice = TimeSlice()
    body = bytearray(b"[")
    for connection in connections:
        if connection.end_reason is None and is_chosen(connection):
            _append(body, status_of(connection))
        await time_slice.checkpoint()
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
