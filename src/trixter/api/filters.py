"""Filters: the query of ``GET /connections``; calls that change something take none.

A listing ignores unknown parameters, as the original does: at worst it is too long.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_network

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException

from trixter.addresses import Address, unmapped_ip
from trixter.api.routing import Parameter
from trixter.errors import SettingError
from trixter.proxy import Connection

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
