"""Steps of control, performed on a proxy in this process, on its loop."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from trixter.control import ALL, ConnectionState, ProxyState, Stats, Step
from trixter.control.steps import (
    EndConnections,
    ReadConnection,
    ReadConnections,
    ReadProxy,
    SetDefaults,
    SetDoor,
    SetDuration,
    SetFaults,
)
from trixter.errors import ConnectionNotFound
from trixter.faults import CALM, Direction
from trixter.proxy import Connection, Proxy


def perform(proxy: Proxy, step: Step[Any]) -> Any:
    """Perform a step and return its result.

    Raises:
        ConnectionNotFound: If the connection it is about is over.
        BindError: If somebody else has the port of a door that is to be opened.
    """
    match step:
        case ReadProxy():
            return _state_of(proxy)
        case ReadConnections(state):
            chosen = proxy.registry if state == "open" else proxy.registry.dialling
            return [_state_of_connection(connection) for connection in chosen]
        case ReadConnection(id):
            return _state_of_connection(_found(proxy, id))
        case SetFaults(target, directions, swap):
            for connection in _targets(proxy, target):
                for pipe in map(connection.pipe, directions):
                    pipe.faults = swap.applied_to(pipe.faults)
        case SetDefaults(directions, swap):
            for direction in directions:
                faults = swap.applied_to(proxy.defaults.faults(direction))
                proxy.defaults = proxy.defaults.with_faults(direction, faults)
        case SetDuration(duration_s):
            proxy.defaults = replace(proxy.defaults, duration_s=duration_s)
        case SetDoor(door):
            proxy.set_door(door)
        case EndConnections(target=target, reason=reason, reset=reset):
            for connection in proxy.registry if target == ALL else [_found(proxy, target)]:
                (connection.reset if reset else connection.shut_down)(reason)
        case _:
            raise TypeError(f"no proxy can do this: {step!r}")


def _targets(proxy: Proxy, target: str) -> list[Connection]:
    if target == ALL:
        return list(proxy.registry)
    connection = proxy.registry.get(target)
    if connection is None:
        raise ConnectionNotFound(target)
    return [connection]


def _found(proxy: Proxy, id: str) -> Connection:
    """Return a connection that is open or dialling."""
    connection = proxy.registry.find(id)
    if connection is None:
        raise ConnectionNotFound(id)
    return connection


def _state_of(proxy: Proxy) -> ProxyState:
    registry = proxy.registry
    stats = Stats(
        connections_accepted=registry.accepted,
        connections_open=len(registry),
        connections_dialling=len(registry.dialling),
        bytes_upstream=registry.forwarded_bytes(Direction.UPSTREAM),
        bytes_downstream=registry.forwarded_bytes(Direction.DOWNSTREAM),
        ended=dict(registry.ended),
    )
    return ProxyState(
        listen=tuple(proxy.listen_addresses),
        upstream=str(proxy.upstream),
        door=proxy.door,
        defaults=proxy.defaults,
        stats=stats,
    )


def _state_of_connection(connection: Connection) -> ConnectionState:
    is_open = connection.is_open
    pipes = {direction: connection.pipe(direction) for direction in Direction} if is_open else {}
    return ConnectionState(
        id=connection.id,
        client=connection.client,
        upstream=connection.upstream,
        age_s=connection.age_s,
        faults=dict.fromkeys(Direction, CALM) | {each: pipe.faults for each, pipe in pipes.items()},
        passed_bytes=dict.fromkeys(Direction, 0)
        | {each: pipe.forwarded_bytes for each, pipe in pipes.items()},
        held_bytes=dict.fromkeys(Direction, 0) | {each: pipe.held_bytes for each, pipe in pipes.items()},
        state="open" if is_open else "dialling",
    )
