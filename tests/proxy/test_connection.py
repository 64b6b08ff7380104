"""A connection dials, carries bytes, and ends once, for one reason."""

from __future__ import annotations

import pytest

from tests.proxy.connection_harness import ConnectionHarness, pipes_of
from tests.proxy.odd_faults import Mine
from tests.proxy.peers import fill
from tests.proxy.servers import dead_address, silent_server
from tests.proxy.waiting import turns, until
from trixter.addresses import text_of
from trixter.faults import Corrupt, CorruptMode, Direction, Faults, Latency
from trixter.proxy import Connection, EndReason

FLIPS = Faults(Corrupt(probability=1.0, mode=CorruptMode.FLIP))


async def test_it_knows_who_is_connected_to_what_and_since_when(harness: ConnectionHarness) -> None:
    client, _, connection = harness.connect()
    assert connection.client == text_of(client.sock.getsockname())
    assert connection.upstream == text_of(harness.server.address)
    assert connection.accepted_at == harness.clock.time()
    harness.clock.advance(2.5)
    assert connection.age_s == 2.5


async def test_what_the_client_has_said_already_is_passed_on_before_the_loop_turns(
    harness: ConnectionHarness,
) -> None:
    harness.connect_client(first_bytes=b"in a hurry")
    server = harness.server.accept()
    harness.exits.callback(server.close)
    assert server.received() == b"in a hurry"


async def test_it_is_over_when_both_directions_are(harness: ConnectionHarness) -> None:
    client, server, connection = harness.connect()
    client.finish()
    server.finish()
    await until(lambda: harness.end_reason)
    assert harness.end_reason == connection.end_reason == EndReason("closed")
    assert await client.receive_all() == await server.receive_all() == b""


async def test_shutting_it_down_closes_both_sides_and_keeps_the_reason(harness: ConnectionHarness) -> None:
    client, server, connection = harness.connect()
    connection.close("enough")
    connection.close("again")
    assert await client.receive_all() == await server.receive_all() == b""
    assert harness.end_reason == EndReason("shutdown", "enough")
    assert str(harness.end_reason) == "shutdown: enough"


async def test_resetting_it_is_a_reset_to_both_sides_and_keeps_the_reason(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=Faults(Latency(delay_s=1.0)))
    client, server, connection = harness.connect()
    client.send(b"held, and dropped")
    await until(lambda: connection.pipe(Direction.UPSTREAM).held_bytes)
    connection.reset("enough")
    connection.reset("again")
    assert await client.receive_reset() == await server.receive_reset() == b""
    assert harness.end_reason == EndReason("reset", "enough", reset=True)
    assert harness.clock.next_at is None


async def test_a_shutdown_is_an_ordinary_end_also_to_one_whose_bytes_were_not_read(
    harness: ConnectionHarness,
) -> None:
    harness.set_defaults(upstream=Faults(Latency(delay_s=1.0)))
    client, server, connection = harness.connect()
    fill(client.sock)
    connection.close("enough")
    assert await client.receive_all() == await server.receive_all() == b""


async def test_its_duration_counts_from_when_it_was_accepted_and_ends_it_with_a_reset(
    harness: ConnectionHarness,
) -> None:
    harness.set_defaults(connection_duration_s=5.0)
    client, server, _ = harness.connect()
    client.send(b"x")
    assert await server.receive(1) == b"x"
    harness.clock.advance(4.999)
    assert harness.end_reason is None
    harness.clock.advance(0.001)
    assert harness.end_reason == EndReason("duration", reset=True)
    assert await client.receive_reset() == await server.receive_reset() == b""


async def test_its_duration_includes_the_time_to_dial(harness: ConnectionHarness) -> None:
    harness.set_defaults(connection_duration_s=5.0)
    harness.set_upstream(text_of(silent_server(harness.exits).address))
    client, _ = harness.connect_client()
    harness.clock.advance(5.0)
    assert harness.end_reason == EndReason("duration", reset=True)
    assert await client.receive_reset() == b""


async def test_once_it_is_over_no_appointment_is_left(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=Faults(Latency(delay_s=1.0)), connection_duration_s=5.0)
    client, _, connection = harness.connect()
    client.send(b"held")
    await until(lambda: connection.pipe(Direction.UPSTREAM).held_bytes)
    connection.close("enough")
    assert harness.clock.next_at is None


async def test_if_the_upstream_refuses_the_client_is_closed(harness: ConnectionHarness) -> None:
    harness.set_upstream(dead_address())
    client, connection = harness.connect_client()
    assert harness.end_reason == EndReason("upstream unreachable", "Connection refused")
    assert await client.receive_all() == b""
    assert connection.forwarded_bytes(Direction.UPSTREAM) == 0


async def test_if_the_upstream_does_not_answer_the_client_is_closed(harness: ConnectionHarness) -> None:
    harness.set_upstream(text_of(silent_server(harness.exits).address), timeout_s=3.0)
    client, _ = harness.connect_client()
    client.send(b"anybody there?")
    harness.clock.advance(3.0)
    assert harness.end_reason == EndReason("connect timeout", "no answer within 3 s")
    assert await client.receive_all() == b""


async def test_while_it_is_dialled_it_can_be_shut_down_and_has_no_pipes(harness: ConnectionHarness) -> None:
    harness.set_upstream(text_of(silent_server(harness.exits).address))
    client, connection = harness.connect_client()
    with pytest.raises(AssertionError, match="not answered yet"):
        connection.pipe(Direction.UPSTREAM)
    connection.close("enough")
    assert await client.receive_all() == b""
    assert harness.clock.next_at is None


async def test_its_counters_outlive_it(harness: ConnectionHarness) -> None:
    client, server, connection = harness.connect()
    client.send(b"12345")
    await server.receive(5)
    connection.close("enough")
    assert [connection.forwarded_bytes(direction) for direction in Direction] == [5, 0]
    assert all(pipe.is_closed for pipe in pipes_of(connection))


async def test_luck_depends_on_the_number_and_the_direction_and_on_nothing_else(
    harness: ConnectionHarness,
) -> None:
    harness.set_defaults(FLIPS, FLIPS)
    spoilt = []
    for _ in range(2):
        client, server, _ = harness.connect()
        client.send(bytes(1000))
        server.send(bytes(1000))
        spoilt += [await server.receive(1000), await client.receive(1000)]
    assert len(set(spoilt)) == 4
    harness.end_all()
    harness.registry.accepted = 0
    harness.set_defaults(downstream=FLIPS)
    client, server, _ = harness.connect()
    server.send(bytes(1000))
    assert await client.receive(1000) == spoilt[1]


async def test_a_fault_can_end_it_as_soon_as_it_starts(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=Faults(Mine()))
    client, connection = harness.connect_client()
    assert harness.end_reason == connection.end_reason == EndReason("stepped on a mine", reset=True)
    assert await client.receive_reset() == b""
    assert harness.registry.all() == []
    harness.server.accept().close()


async def test_each_ends_exactly_once_and_the_counters_add_up(harness: ConnectionHarness) -> None:
    connections: list[Connection] = []
    for number in range(12):
        harness.set_defaults(connection_duration_s=float(number % 3))
        client, server, connection = harness.connect()
        connections.append(connection)
        for step in (client.finish, server.reset, client.reset)[: number % 4]:
            step()
    await turns()
    harness.clock.advance(10.0)
    for connection in connections:
        connection.close("enough")
        connection.end(EndReason("too late"))
    assert sorted(id for id, _ in harness.end_reasons) == sorted(connection.id for connection in connections)
    assert harness.registry.ended.total() == harness.registry.accepted == 12
    assert harness.registry.ended.keys() > {"duration", "shutdown"}
