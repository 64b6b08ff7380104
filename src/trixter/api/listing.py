"""Listings of connections: filters, and the time slices in which long jobs let traffic flow.

The filters are the query of ``GET /connections``; calls that change something take none. A listing ignores
unknown parameters, as the original does: at worst it is too long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from trixter.addresses import Address, unmapped_ip
from trixter.api.routing import Parameter
from trixter.api.schemas import Status
from trixter.api.status import status_of
from trixter.control.controller import collect_young_objects
from trixter.errors import SettingError
from trixter.monotonic import monotonic
from trixter.proxy import Connection

# How long a job may keep the loop. A byte in transit waits that long at most: short against the tens of
# milliseconds that a listing of 10,000 connections takes, and long against the few microseconds that an
# iteration of an idle loop costs the job. Some 150 connections are listed in one slice, and 60 changed.
TIME_SLICE_S = 0.001

# The size of one write. Copying it takes some ten microseconds; a listing of 10,000 connections is megabytes,
# and takes milliseconds.
SENT_BYTES = 64 * 1024

CLIENT_FORM = "an address or a network, such as 127.0.0.1, 127.0.0.1:59024, [::1]:59024 or 10.0.0.0/8"

# The same as a regular expression, for the description of the API.
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_GROUP = "[0-9a-fA-F]{1,4}"
_SHORTENED = (f"(?:{_GROUP}:){{1,{7 - after}}}(?::{_GROUP}){{1,{after}}}" for after in range(1, 7))
_IPV6 = "|".join(
    [
        f"(?:{_GROUP}:){{7}}{_GROUP}",
        f"(?:{_GROUP}:){{1,7}}:",
        *_SHORTENED,
        f":(?::{_GROUP}){{1,7}}",
        "::",
    ]
)
_PORT = "(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[0-9]{1,4})"
CLIENT_PATTERN = (
    f"^(?:{_IPV4}(?:/(?:3[0-2]|[12]?[0-9])|:{_PORT})?"
    f"|(?:{_IPV6})(?:/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9]))?"
    rf"|\[(?:{_IPV6})\]:{_PORT})$"
)

STATE_PATTERN = "^(?:open|dialling)$"

PARAMETERS = {
    "client": Parameter(f"Only connections of this client: {CLIENT_FORM}.", CLIENT_PATTERN),
    "upstream": Parameter("Only connections to this upstream, host:port or unix:/path."),
    "state": Parameter(
        "`open`, the default, or `dialling`: the upstream has not answered yet.", STATE_PATTERN
    ),
}
"""The parameters of a listing, as the description of the API shows them."""

# Programs add it to a query with a new value each time, so that no cache answers.
CACHE_BUSTER = "_"

NO_FILTERS = "a change takes no filters: list the connections with them, and change each by its id"

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
            collect_young_objects()
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


@dataclass(frozen=True, slots=True)
class Clients:
    """The clients of one network, or of one port in it."""

    network: IPv4Network | IPv6Network
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Clients:
        """Read an address, with or without a port, or a network.

        Raises:
            ValueError: If the text is neither.
        """
        if "/" in text:
            return cls(ip_network(text, strict=False))
        try:
            return cls(ip_network(unmapped_ip(text)))
        except ValueError:
            address = Address.parse_tcp(text, "client")
            return cls(ip_network(unmapped_ip(address.host)), address.port)

    def include(self, client: str) -> bool:
        """Return whether a client's address is among them."""
        address = Address.parse_tcp(client, "client")
        return self.port in (None, address.port) and unmapped_ip(address.host) in self.network


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of connections; a criterion that is ``None`` matches all."""

    clients: Clients | None = None
    upstream: str | None = None
    state: str = "open"

    def passes(self, connection: Connection) -> bool:
        """Return whether a connection matches."""
        return (self.upstream is None or self.upstream == connection.upstream) and (
            self.clients is None or self.clients.include(connection.client)
        )


def filter_of(query: QueryParams) -> Filter:
    """Return the filter that a query describes; other parameters are ignored.

    Raises:
        HTTPException: 422, if a filter is given twice, or is malformed.
    """
    for name in PARAMETERS:
        if len(query.getlist(name)) > 1:
            raise _refusal(f"`{name}` may be given once")
    client = query.get("client")
    try:
        clients = None if client is None else Clients.parse(client)
    except ValueError as exc:
        raise _refusal(f"`client` must be {CLIENT_FORM}, not {client!r}") from exc
    upstream = query.get("upstream")
    state = query.get("state", "open")
    if state not in ("open", "dialling"):
        raise _refusal(f"`state` must be open or dialling, not {state!r}")
    return Filter(clients, None if upstream is None else _as_shown(upstream), state)


def refuse_filters(query: QueryParams, *, is_for_all: bool) -> None:
    """Refuse a query with which a call could change more than its caller intends.

    The name of a filter is refused in every change. A change of all connections refuses every parameter
    with a value: it may be a filter with a typing error, and to ignore it would be to change all of them.

    Raises:
        HTTPException: 422, naming the first parameter that is refused.
    """
    for name, value in query.multi_items():
        if name in PARAMETERS or (is_for_all and value and name != CACHE_BUSTER):
            raise _refusal(f"unexpected parameter `{name}`; {NO_FILTERS}")


def _as_shown(upstream: str) -> str:
    try:
        return str(Address.parse(upstream))
    except SettingError:
        return upstream  # matches none


def _refusal(text: str) -> HTTPException:
    return HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, text)
