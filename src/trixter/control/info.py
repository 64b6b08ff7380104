"""Information about a proxy and its connections, as it was at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from trixter.control.overrides import Override
from trixter.faults import NO_FAULTS, Direction, Faults
from trixter.settings import Availability

if TYPE_CHECKING:  # a client has infos, and no data plane
    from trixter.proxy.connection import Connection
    from trixter.proxy.proxy import Proxy

State = Literal["open", "dialling"]
"""The state of a connection: its upstream has answered, or not yet."""

# While a connection dials, it has no pipes.
NONE_YET = dict.fromkeys(Direction, NO_FAULTS)
NO_BYTES = dict.fromkeys(Direction, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionInfo:
    """The state of one live connection.

    Args:
        id: Its id in the API and in listings.
        state: Whether its upstream has answered.
        client: The client's address.
        upstream: The upstream's address, as it was configured.
        age_s: Seconds since it was accepted.
        faults: The faults in force, by direction.
        forwarded_bytes: The bytes that each direction's receiver has taken.
        held_bytes: The memory that each direction holds.
    """

    id: str
    client: str
    upstream: str
    age_s: float
    faults: Mapping[Direction, Faults]
    forwarded_bytes: Mapping[Direction, int]
    held_bytes: Mapping[Direction, int]
    state: State = "open"

    @classmethod
    def of(cls, connection: Connection) -> ConnectionInfo:
        """Return the state of a connection as it is now."""
        pipes = {each: connection.pipe(each) for each in Direction} if connection.is_open else {}
        return cls(
            id=connection.id,
            client=connection.client,
            upstream=connection.upstream,
            age_s=connection.age_s,
            faults=NONE_YET | {each: pipe.faults for each, pipe in pipes.items()},
            forwarded_bytes=NO_BYTES | {each: pipe.forwarded_bytes for each, pipe in pipes.items()},
            held_bytes=NO_BYTES | {each: pipe.held_bytes for each, pipe in pipes.items()},
            state="open" if pipes else "dialling",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The counters of a proxy since it started.

    Args:
        connections_accepted: All connections.
        connections_open: Connections that are live now: their upstream has answered.
        connections_dialling: Connections whose upstream has not answered yet.
        bytes_upstream: Bytes forwarded to the upstream, also by connections that have ended.
        bytes_downstream: Bytes forwarded to the clients, likewise.
        ended: How connections ended: reason → how many.
        struck: What faults did: the fault's name → how many decisions.
    """

    connections_accepted: int
    connections_open: int
    connections_dialling: int = 0
    bytes_upstream: int
    bytes_downstream: int
    ended: Mapping[str, int]
    struck: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {reason}" for reason, count in sorted(self.ended.items())) or "none"
        dialling = f"{self.connections_dialling} dialling, " if self.connections_dialling else ""
        noun = "connection" if self.connections_accepted == 1 else "connections"
        return (
            f"{self.connections_accepted} {noun} accepted, {self.connections_open} open, {dialling}"
            f"ended: {ends}; {self.bytes_upstream} B up, {self.bytes_downstream} B down"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyInfo:
    """The state of a proxy as a whole.

    Args:
        listen: The addresses it listens on, with their real ports.
        upstream: The upstream's address, as it was configured.
        availability: Whether new connections are accepted.
        stats: Its counters.
    """

    listen: tuple[str, ...]
    upstream: str
    availability: Availability
    stats: Stats

    @classmethod
    def of(cls, proxy: Proxy) -> ProxyInfo:
        """Return the state of a proxy as it is now."""
        registry = proxy.registry
        stats = Stats(
            connections_accepted=registry.accepted,
            connections_open=len(registry),
            connections_dialling=len(registry.dialling),
            bytes_upstream=registry.forwarded_bytes(Direction.UPSTREAM),
            bytes_downstream=registry.forwarded_bytes(Direction.DOWNSTREAM),
            ended=dict(registry.ended),
            struck=dict(proxy.strikes),
        )
        return cls(
            listen=tuple(proxy.listen_addresses),
            upstream=str(proxy.upstream),
            availability=proxy.availability,
            stats=stats,
        )


@dataclass(frozen=True, slots=True)
class OverrideInfo:
    """An override that is active.

    Args:
        id: Its id in the API.
        override: The override.
        expires_in_s: Seconds until it is reverted, unless it is renewed; ``None`` means never.
    """

    id: str
    override: Override
    expires_in_s: float | None
