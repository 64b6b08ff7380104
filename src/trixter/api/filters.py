"""Choosing connections: the query of ``GET /connections``."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException

from trixter.proxy import Address, Connection

CLIENT_FORM = "an address or a network, such as 127.0.0.1, 127.0.0.1:59024, [::1]:59024 or 10.0.0.0/8"

PARAMETERS = {
    "client": f"Only connections of this client: {CLIENT_FORM}.",
    "upstream": "Only connections to this upstream, written as the connection shows it.",
}
"""What may be asked, and what it means."""


@dataclass(frozen=True, slots=True)
class Clients:
    """Stand for the clients of one network, or one port in it."""

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
            return cls(ip_network(_ip_of(text)))
        except ValueError:
            address = Address.parse_tcp(text, "client")
            return cls(ip_network(_ip_of(address.host)), address.port)

    def include(self, client: str) -> bool:
        """Say whether a client is one of them."""
        address = Address.parse_tcp(client, "client")
        return self.port in (None, address.port) and _ip_of(address.host) in self.network


def _ip_of(host: str) -> IPv4Address | IPv6Address:
    address = ip_address(host)
    # A listener on [::] sees IPv4 clients as ::ffff:127.0.0.1; people do not.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@dataclass(frozen=True, slots=True)
class Filter:
    """Choose connections; what is ``None`` is not asked for."""

    clients: Clients | None = None
    upstream: str | None = None

    def passes(self, connection: Connection) -> bool:
        """Say whether a connection is chosen."""
        return (self.upstream is None or self.upstream == connection.upstream) and (
            self.clients is None or self.clients.include(connection.client)
        )


def filter_of(query: QueryParams) -> Filter:
    """Read the query.

    Raises:
        HTTPException: 422, if it asks for something that is not there, or in a form that is none.
    """
    for name, _ in query.multi_items():
        if name not in PARAMETERS:
            raise _refusal(f"unknown parameter `{name}`; there are {', '.join(PARAMETERS)}")
        if len(query.getlist(name)) > 1:
            raise _refusal(f"`{name}` may be given once")
    client = query.get("client")
    try:
        clients = None if client is None else Clients.parse(client)
    except ValueError as exc:
        raise _refusal(f"`client` must be {CLIENT_FORM}, not {client!r}") from exc
    return Filter(clients, query.get("upstream"))


def _refusal(text: str) -> HTTPException:
    return HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, text)
