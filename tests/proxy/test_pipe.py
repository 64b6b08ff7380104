"""A pipe carries what the chain says, when it says so, calm or not."""

from __future__ import annotations

import asyncio
import os
import socket
from random import Random

import pytest

from tests.proxy.connection_harness import ConnectionHarness, pipes_of
from tests.proxy.odd_faults import Idle, Trap
from tests.proxy.waiting import turns, until
from trixter.faults import NO_FAULTS, Direction, Faults, Latency, Slice, Throttle
from trixter.proxy import EndReason

SLOW = Faults(Latency(delay_s=1.0))


@pytest.fixture(params=[NO_FAULTS, Faults(Idle())], ids=["calm", "chain"])
def either_path(request: pytest.FixtureRequest, harness: ConnectionHarness) -> None:
    """Let new connections start calm, or with faults that do nothing."""
    harness.set_defaults(request.param, request.param)


@pytest.mark.usefixtures("either_path")
async def test_bytes_pass_both_ways(harness: ConnectionHarness) -> None:
    client, server, connection = harness.connect()
    for ask, answer in ((b"ping", b"pong"), (b"and", b"again")):
        client.send(ask)
        assert await server.receive(len(ask)) == ask
        server.send(answer)
        assert await client.receive(len(answer)) == answer
    await until(lambda: [pipe.forwarded_bytes for pipe in pipes_of(connection)] == [7, 9])


@pytest.mark.usefixtures("either_path")
@pytest.mark.parametrize("buffer_bytes", [0, 16384])
async def test_bulk_passes_both_ways_at_once(harness: ConnectionHarness, buffer_bytes: int) -> None:
    client, server, connection = harness.connect(buffer_bytes=buffer_bytes)
    payloads = Random(1).randbytes(1 << 20), Random(2).randbytes(1 << 20)
    up, down, _, _ = await asyncio.gather(
        server.receive(1 << 20),
        client.receive(1 << 20),
        client.send_all(payloads[0]),
        server.send_all(payloads[1]),
    )
    assert (up, down) == payloads
    assert [pipe.held_bytes for pipe in pipes_of(connection)] == [0, 0]


@pytest.mark.usefixtures("either_path")
@pytest.mark.parametrize("client_first", [True, False])
async def test_each_direction_ends_on_its_own(harness: ConnectionHarness, client_first: bool) -> None:
    client, server, _ = harness.connect()
    first, second = (client, server) if client_first else (server, client)
    first.send(b"my last")
    first.finish()
    assert await second.receive_all() == b"my last"
    second.send(b"not mine")
    assert await first.receive(8) == b"not mine"
    assert harness.end_reason is None
    second.finish()
    assert await first.receive_all() == b""
    assert harness.end_reason == EndReason("closed")


async def test_bytes_leave_when_their_time_has_come(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=SLOW)
    client, server, connection = harness.connect()
    upstream = connection.pipe(Direction.UPSTREAM)
    client.send(b"first")
    await until(lambda: upstream.held_bytes)
    harness.clock.advance(0.5)
    held_bytes = upstream.held_bytes
    client.send(b"second")
    await until(lambda: upstream.held_bytes > held_bytes)
    harness.clock.advance(0.4999)
    assert server.received() == b""
    harness.clock.advance(0.0001)
    assert server.received() == b"first"
    harness.clock.advance(0.5)
    assert server.received() == b"second"
    assert upstream.held_bytes == 0


async def test_one_appointment_is_kept_however_much_is_held(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=SLOW)
    client, server, connection = harness.connect()
    upstream = connection.pipe(Direction.UPSTREAM)
    starts_at = harness.clock.time()
    for _ in range(3):
        client.send(b"x")
        upstream.read_early()
        assert harness.clock.next_at == starts_at + 1.0
        harness.clock.advance(0.1)
    upstream.faults = NO_FAULTS
    assert harness.clock.next_at is None
    assert server.received() == b"xxx"


async def test_what_is_held_leaves_before_the_end(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=SLOW)
    client, server, connection = harness.connect()
    client.send(b"the tail")
    client.finish()
    await until(lambda: connection.pipe(Direction.UPSTREAM).held_bytes)
    await turns()
    harness.clock.advance(1.0)
    assert await server.receive_all() == b"the tail"
    assert harness.end_reason is None


async def test_a_change_reaches_what_is_held_at_once(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=SLOW)
    client, server, connection = harness.connect()
    upstream = connection.pipe(Direction.UPSTREAM)
    client.send(b"held")
    await until(lambda: upstream.held_bytes)
    harness.clock.advance(0.25)
    upstream.faults = Faults(Latency(delay_s=0.5))
    assert server.received() == b""
    upstream.faults = Faults(Latency(delay_s=0.25))
    assert server.received() == b"held"


async def test_calm_again_bytes_pass_as_before(harness: ConnectionHarness) -> None:
    client, server, connection = harness.connect()
    upstream = connection.pipe(Direction.UPSTREAM)
    for faults in (SLOW, NO_FAULTS, Faults(Throttle(rate_bytes_per_s=1)), NO_FAULTS):
        upstream.faults = faults
        assert upstream.faults == faults
        client.send(b"x")
        upstream.read_early()
        assert bool(upstream.held_bytes) == bool(faults)
    assert await server.receive(4) == b"xxxx"


async def test_the_same_settings_again_change_nothing(harness: ConnectionHarness) -> None:
    _, _, connection = harness.connect()
    upstream = connection.pipe(Direction.UPSTREAM)
    upstream.faults = NO_FAULTS
    assert upstream.faults is NO_FAULTS
    upstream.faults = SLOW
    upstream.faults = Faults(Latency(delay_s=1.0))
    assert upstream.faults is SLOW


async def test_each_direction_has_its_own_faults(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=SLOW)
    client, server, connection = harness.connect()
    server.send(b"at once")
    assert await client.receive(7) == b"at once"
    assert connection.pipe(Direction.DOWNSTREAM).faults == NO_FAULTS


async def test_a_fault_can_reset_both_sides_and_drops_what_is_held(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=Faults(Trap(), Slice(size_bytes=10, gap_s=1.0)))
    client, server, connection = harness.connect()
    client.send(b"ten bytes.and then some")
    await until(lambda: connection.pipe(Direction.UPSTREAM).held_bytes)
    client.send(b"abort")
    await until(lambda: harness.end_reason)
    assert harness.end_reason == EndReason("trapped", reset=True)
    assert await server.receive_reset() == b"ten bytes."
    assert await client.receive_reset() == b""


async def test_a_fault_can_close_both_sides_behind_the_bytes(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=Faults(Trap()))
    client, server, _ = harness.connect()
    client.send(b"close")
    assert await server.receive_all() == b"close"
    assert await client.receive_all() == b""
    assert harness.end_reason == EndReason("trapped")


async def test_a_closed_pipe_takes_no_more_settings_and_holds_nothing(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=SLOW)
    client, _, connection = harness.connect()
    upstream = connection.pipe(Direction.UPSTREAM)
    client.send(b"dropped")
    await until(lambda: upstream.held_bytes)
    connection.close("enough")
    upstream.faults = SLOW
    assert (upstream.faults, upstream.held_bytes, upstream.is_closed) == (NO_FAULTS, 0, True)
    assert harness.clock.next_at is None


async def test_a_pipe_that_is_closed_reads_no_other_socket_that_gets_its_number(
    harness: ConnectionHarness,
) -> None:
    client, server, connection = harness.connect()
    closed = connection.pipe(Direction.UPSTREAM)
    numbers = closed.source.fileno(), closed.sink.fileno()
    other, far = socket.socketpair()
    with other, far:
        other.setblocking(False)
        connection.close("no longer wanted")
        for number in numbers:  # they are free, and the next sockets may have them
            os.dup2(other.fileno(), number)
        far.send(b"of another connection")
        closed.read()
        assert other.recv(100) == b"of another connection"
        for number in numbers:
            os.close(number)
    assert (client.received(), server.received()) == (b"", b"")
