"""Backpressure: bytes that a slow sink does not take are bounded, and none is lost."""

from __future__ import annotations

import pytest

from tests.proxy.connection_harness import LIMIT_BYTES, ConnectionHarness
from tests.proxy.odd_faults import Curfew, Idle
from tests.proxy.peers import PAYLOAD, clog
from tests.proxy.waiting import turns, until
from trixter.faults import NO_FAULTS, Direction, Faults, Freeze, Latency, Throttle
from trixter.faults.fault import LEAST_QUEUE_BYTES, PIECE_OVERHEAD_BYTES
from trixter.proxy import EndReason
from trixter.proxy.sockets import BUFFER_BYTES
from trixter.proxy.splice import PIPE_BYTES

# The limit is looked at after each read, so what is held may be over it by one (bulk: by a pipe full), and
# its bookkeeping.
MOST_HELD_BYTES = LIMIT_BYTES + PIPE_BYTES + 1000


@pytest.mark.parametrize("faults", [NO_FAULTS, Faults(Idle())], ids=["calm", "chain"])
@pytest.mark.parametrize("direction", list(Direction))
async def test_a_sink_that_does_not_read_pauses_its_source(
    harness: ConnectionHarness, faults: Faults, direction: Direction
) -> None:
    harness.set_defaults(faults, faults)
    client, server, connection = harness.connect()
    source, sink = (client, server) if direction is Direction.UPSTREAM else (server, client)
    pipe = connection.pipe(direction)
    sent = await clog(source)
    assert 0 < pipe.held_bytes <= MOST_HELD_BYTES
    source.finish()
    assert await sink.receive_all() == PAYLOAD[:sent]
    assert (pipe.held_bytes, pipe.forwarded_bytes) == (0, sent)


@pytest.mark.parametrize(
    ("piece_bytes", "can_splice"), [(1000, True), (50_000, True), (50_000, False)], ids=str
)
async def test_what_a_full_sink_took_a_part_of_arrives_whole(
    harness: ConnectionHarness, piece_bytes: int, can_splice: bool
) -> None:
    if not can_splice and harness.context.splicer is not None:
        harness.context.splicer.close()
        harness.context.splicer = None
    client, server, connection = harness.connect(buffer_bytes=16_384)
    upstream = connection.pipe(Direction.UPSTREAM)
    sent = 0
    while not upstream.held_bytes:
        sent += client.send_what_fits(memoryview(PAYLOAD)[sent : sent + piece_bytes])
        await turns(3)
    client.finish()
    assert await server.receive_all() == PAYLOAD[:sent]
    assert (upstream.held_bytes, upstream.forwarded_bytes) == (0, sent)


async def test_a_sink_that_does_not_read_is_not_in_the_way_of_the_other_direction(
    harness: ConnectionHarness,
) -> None:
    client, server, _ = harness.connect()
    await clog(client)
    server.send(b"still here")
    assert await client.receive(10) == b"still here"


async def test_a_sink_that_does_not_read_is_not_in_the_way_of_other_connections(
    harness: ConnectionHarness,
) -> None:
    stuck, _, _ = harness.connect()
    client, server, _ = harness.connect()
    await clog(stuck)
    client.send(b"not my concern")
    assert await server.receive(14) == b"not my concern"


async def test_the_end_waits_behind_what_a_full_sink_has_not_taken(harness: ConnectionHarness) -> None:
    client, server, _ = harness.connect()
    sent = await clog(client)
    client.finish()
    await turns()
    assert await server.receive_all() == PAYLOAD[:sent]
    assert harness.end_reason is None


async def test_a_hold_pauses_the_source_and_gives_everything_when_it_is_over(
    harness: ConnectionHarness,
) -> None:
    harness.set_defaults(upstream=Faults(Freeze(is_on=True)))
    client, server, connection = harness.connect()
    upstream = connection.pipe(Direction.UPSTREAM)
    sent = await clog(client)
    assert LIMIT_BYTES < upstream.held_bytes <= LIMIT_BYTES + BUFFER_BYTES + 1000
    client.finish()
    harness.clock.advance(3600.0)
    await turns()
    assert (upstream.forwarded_bytes, harness.clock.next_at) == (0, None)
    upstream.faults = NO_FAULTS
    assert await server.receive_all() == PAYLOAD[:sent]
    assert (upstream.held_bytes, harness.end_reason) == (0, None)


async def test_a_close_waits_behind_what_a_full_sink_has_not_taken(harness: ConnectionHarness) -> None:
    client, server, connection = harness.connect()
    upstream = connection.pipe(Direction.UPSTREAM)
    await clog(client)
    upstream.faults = Faults(Curfew(closes_at=harness.clock.time() + 1.0))
    harness.clock.advance(1.0)
    assert upstream.held_bytes
    assert harness.end_reason is None
    assert await server.receive_all() == PAYLOAD[: upstream.forwarded_bytes]
    assert harness.end_reason == EndReason("curfew")


async def test_a_calm_direction_keeps_no_more_than_it_must(harness: ConnectionHarness) -> None:
    harness.buffer_limit_bytes = 1 << 30
    client, _, connection = harness.connect()
    await clog(client)
    assert 0 < connection.pipe(Direction.UPSTREAM).held_bytes <= PIPE_BYTES + 1000


async def test_reading_stops_over_the_limit_and_goes_on_at_half_of_it(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=Faults(Latency(delay_s="100s")))
    client, server, connection = harness.connect()
    upstream = connection.pipe(Direction.UPSTREAM)
    piece = bytes(LIMIT_BYTES // 8)

    async def is_read() -> bool:
        """Send a piece, and return whether the pipe reads it."""
        held_bytes = upstream.held_bytes
        client.send(piece)
        await turns()
        return upstream.held_bytes > held_bytes

    read = 0
    while await is_read():
        read += 1
        harness.clock.advance(1.0)
    # With its bookkeeping, the eighth piece is over the limit. One more is waiting in the kernel.
    assert read == 8
    assert LIMIT_BYTES < upstream.held_bytes <= LIMIT_BYTES + len(piece)
    harness.clock.advance(92.0)
    while upstream.held_bytes > LIMIT_BYTES // 2:
        held_bytes = upstream.held_bytes
        await turns()
        assert upstream.held_bytes == held_bytes, "reads on above half of the limit"
        harness.clock.advance(1.0)
    held_bytes = upstream.held_bytes
    await until(lambda: upstream.held_bytes > held_bytes)
    upstream.faults = NO_FAULTS
    assert await server.receive(9 * len(piece)) == 9 * piece


async def test_a_source_that_is_paused_and_has_ended_is_read_to_its_end(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=Faults(Latency(delay_s=1.0)))
    client, server, _ = harness.connect()
    sent = 0
    while more := client.send_what_fits(memoryview(PAYLOAD)[sent:]):
        sent += more
        await turns()
    client.finish()
    await turns()
    assert await harness.receive_all_in_time(server) == PAYLOAD[:sent]


async def test_the_smallest_limit_still_carries_bytes(harness: ConnectionHarness) -> None:
    harness.buffer_limit_bytes = 1
    harness.set_defaults(upstream=Faults(Latency(delay_s=1.0)))
    client, server, _ = harness.connect()
    for count in range(3):
        client.send(b"x" * 1000)
        await turns()
        harness.clock.advance(1.0)
        assert await server.receive(1000) == b"x" * 1000, count


async def test_what_is_under_way_may_exceed_the_limit_as_far_as_the_wire_goes(
    harness: ConnectionHarness,
) -> None:
    harness.context.in_flight.free_bytes = 2 * LIMIT_BYTES
    harness.set_defaults(upstream=Faults(Latency(delay_s=1.0)))
    client, server, connection = harness.connect()
    upstream = connection.pipe(Direction.UPSTREAM)
    sent = await clog(client)
    assert 3 * LIMIT_BYTES < upstream.held_bytes <= 3 * LIMIT_BYTES + BUFFER_BYTES + 1000
    harness.clock.advance(1.0)
    await turns()
    client.finish()
    assert await harness.receive_all_in_time(server) == PAYLOAD[:sent]
    connection.close("enough")
    assert harness.context.in_flight.free_bytes == 2 * LIMIT_BYTES


async def test_a_throttle_is_a_queue_and_borrows_nothing(harness: ConnectionHarness) -> None:
    harness.context.in_flight.free_bytes = 64 * LIMIT_BYTES
    harness.set_defaults(upstream=Faults(Throttle(rate_bytes_per_s=1000, queue_bytes=8 * LIMIT_BYTES)))
    client, _, connection = harness.connect()
    await clog(client)
    assert LIMIT_BYTES < connection.pipe(Direction.UPSTREAM).held_bytes <= LIMIT_BYTES + BUFFER_BYTES + 1000
    assert harness.context.in_flight.free_bytes == 64 * LIMIT_BYTES


@pytest.mark.parametrize(
    ("throttle", "most_bytes"),
    [
        (Throttle(rate_bytes_per_s=1000), LEAST_QUEUE_BYTES),
        (Throttle(rate_bytes_per_s=2e6), 200_000),
        (Throttle(rate_bytes_per_s=2e6, queue_bytes=20_000), 20_000),
    ],
    ids=repr,
)
async def test_a_throttle_reads_no_further_ahead_than_its_queue(
    harness: ConnectionHarness, throttle: Throttle, most_bytes: int
) -> None:
    harness.buffer_limit_bytes = 1 << 30
    harness.set_defaults(upstream=Faults(throttle))
    client, server, connection = harness.connect()
    upstream = connection.pipe(Direction.UPSTREAM)
    sent = await clog(client)
    # The queue is looked at after each read, of half of it at most.
    assert most_bytes < upstream.held_bytes <= 1.5 * max(most_bytes, 16_384) + 2000
    upstream.faults = NO_FAULTS
    client.finish()
    assert await harness.receive_all_in_time(server) == PAYLOAD[:sent]


async def test_a_queue_is_read_on_at_half_of_it(harness: ConnectionHarness) -> None:
    harness.buffer_limit_bytes = 1 << 30
    harness.set_defaults(upstream=Faults(Throttle(rate_bytes_per_s=1000.0, queue_bytes=20_000)))
    client, server, connection = harness.connect()
    upstream = connection.pipe(Direction.UPSTREAM)
    await clog(client)
    held_bytes = upstream.held_bytes
    assert held_bytes > 20_000
    while held_bytes > 10_000 + 1000 + PIECE_OVERHEAD_BYTES * 4:
        harness.clock.advance(1.0)
        await turns()
        server.received()
        assert upstream.held_bytes < held_bytes, "read on too early"
        held_bytes = upstream.held_bytes
    for _ in range(3):
        harness.clock.advance(1.0)
        await turns()
        server.received()
    assert upstream.held_bytes > held_bytes, "not read on"


async def test_what_was_under_way_stays_ahead_when_its_latency_ends_at_a_full_sink(
    harness: ConnectionHarness,
) -> None:
    harness.context.in_flight.free_bytes = 1 << 30
    client, server, connection = harness.connect()
    upstream = connection.pipe(Direction.UPSTREAM)
    sent = await clog(client)
    upstream.faults = Faults(Latency(delay_s="1h"))
    received = server.received()
    await turns(10)
    for _ in range(1000):
        sent += client.send_what_fits(memoryview(PAYLOAD)[sent : sent + 10_000])
        await turns(3)
    under_way_bytes = upstream.held_bytes
    upstream.faults = NO_FAULTS
    # It waits for the sink now, and counts as under way all the same: the proxy reads on.
    assert 0 < upstream.held_bytes < under_way_bytes
    for _ in range(300):
        # The source has more before the sink has room, so that it is seen to first.
        sent += client.send_what_fits(memoryview(PAYLOAD)[sent : sent + 10_000])
        received += server.received(20_000)
        await turns(3)
    client.finish()
    assert received + await server.receive_all() == PAYLOAD[:sent]
