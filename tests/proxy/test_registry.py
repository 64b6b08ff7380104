"""The registry has the live connections, and counts how the others ended."""

from __future__ import annotations

from functools import partial

from tests.proxy.connection_harness import ConnectionHarness
from tests.proxy.servers import silent_server
from tests.proxy.waiting import until
from trixter.addresses import text_of
from trixter.faults import Direction, Faults, Latency
from trixter.proxy import Registry


def test_at_first_nobody_is_there() -> None:
    registry = Registry()
    assert (len(registry), list(registry), registry.accepted, registry.ended) == (0, [], 0, {})
    assert registry.get("c-1") is None


async def test_open_connections_are_listed_oldest_first(harness: ConnectionHarness) -> None:
    connections = [harness.connect()[2] for _ in range(3)]
    assert list(harness.registry) == harness.registry.all() == connections
    assert len(harness.registry) == 3
    assert harness.registry.get("c-2") is connections[1]


async def test_one_that_is_still_dialling_is_counted_and_not_listed(harness: ConnectionHarness) -> None:
    registry, (_, _, neighbour) = harness.registry, harness.connect()
    harness.set_upstream(text_of(silent_server(harness.exits).address))
    _, connection = harness.connect_client()
    assert (registry.accepted, len(registry), list(registry)) == (2, 1, [neighbour])
    assert (registry.get("c-2"), registry.find("c-2")) == (None, connection)
    assert (registry.dialling, registry.all()) == ([connection], [neighbour, connection])
    connection.close("enough")
    neighbour.close("enough")
    assert (len(registry), registry.dialling, registry.all()) == (0, [], [])


async def test_ended_ones_are_counted_by_reason(harness: ConnectionHarness) -> None:
    connections = [harness.connect()[2] for _ in range(3)]
    for connection in connections[:2]:
        connection.close("enough")
    assert harness.registry.ended == {"shutdown": 2}
    assert list(harness.registry) == connections[2:]
    assert harness.registry.get("c-1") is None
    assert harness.registry.accepted == 3


async def test_connections_may_end_while_somebody_goes_through_them(harness: ConnectionHarness) -> None:
    """A change of settings releases bytes, and their sink may be gone."""
    harness.set_defaults(upstream=Faults(Latency(delay_s=1)))
    for _ in range(3):
        client, server, connection = harness.connect()
        client.send(b"x")
        connection.pipe(Direction.UPSTREAM).read_early()
        server.reset()
    for connection in harness.registry:
        connection.pipe(Direction.UPSTREAM).faults = Faults()
    assert harness.registry.ended == {"reset by upstream": 3}


async def test_bytes_are_counted_for_each_direction_also_of_those_that_are_over(
    harness: ConnectionHarness,
) -> None:
    assert [harness.registry.forwarded_bytes(direction) for direction in Direction] == [0, 0]
    for _ in range(2):
        client, server, connection = harness.connect()
        client.send(b"12345")
        server.send(b"123")
        await server.receive(5)
        await client.receive(3)
        await until(partial(connection.forwarded_bytes, Direction.DOWNSTREAM))
    connection.close("enough")
    assert [harness.registry.forwarded_bytes(direction) for direction in Direction] == [10, 6]
    harness.end_all()
    assert [harness.registry.forwarded_bytes(direction) for direction in Direction] == [10, 6]
