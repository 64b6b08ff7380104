"""Memory for what all directions hold: bounded in sum, and no direction is starved or loses a byte."""

from __future__ import annotations

from contextlib import ExitStack
from random import Random

import pytest

from tests.proxy.connection_harness import ConnectionHarness, pipes_of
from tests.proxy.peers import PAYLOAD, Peer, clog
from tests.proxy.waiting import turns
from trixter.faults import NO_FAULTS, Direction, Faults, Latency, Slice, Throttle
from trixter.faults.fault import PIECE_OVERHEAD_BYTES
from trixter.proxy.memory import LEAST_READ_BYTES, OF_THIS_PROCESS, InFlightMemory, Memory
from trixter.proxy.sockets import BUFFER_BYTES

TOTAL_BYTES = 300_000
CONNECTIONS = 12
DIRECTIONS = 2 * CONNECTIONS
SENT_BYTES = 150_000

FAULTS: list[Faults] = [
    NO_FAULTS,
    Faults(Latency(delay_s=3.0)),
    Faults(Latency(delay_s=0.5, jitter_s=0.5), Slice(size_bytes=5000)),
    Faults(Throttle(rate_bytes_per_s=50_000)),
    Faults(Slice(size_bytes=4000, gap_s=0.01)),
    Faults(Throttle(rate_bytes_per_s=1e6, queue_bytes=1 << 20), Latency(delay_s=1.0)),
]


def test_it_counts_more_and_less() -> None:
    memory = Memory(1000)
    memory.count(700)
    memory.count(-200)
    assert (memory.held_bytes, memory.free_bytes) == (500, 500)
    memory.count(700)
    assert (memory.held_bytes, memory.free_bytes) == (1200, 0)


def test_reads_are_of_full_size_until_little_is_left() -> None:
    memory = Memory()
    assert (memory.most_read_bytes, memory.is_short) == (BUFFER_BYTES, False)
    memory.count(memory.total_bytes - 4 * BUFFER_BYTES)
    assert (memory.most_read_bytes, memory.is_short) == (BUFFER_BYTES // 2, True)
    memory.count(10 * BUFFER_BYTES)
    assert memory.most_read_bytes == LEAST_READ_BYTES
    memory.count(-memory.held_bytes)
    assert not memory.is_short


async def test_what_a_connection_held_is_given_back_when_it_ends(harness: ConnectionHarness) -> None:
    memory = harness.context.memory = Memory(1 << 20)
    harness.set_defaults(Faults(Latency(delay_s="100s")), Faults(Latency(delay_s="100s")))
    client, server, connection = harness.connect()
    client.send(b"x" * 1000)
    server.send(b"x" * 1000)
    while not all(pipe.held_bytes for pipe in pipes_of(connection)):
        await turns()
    assert memory.held_bytes == sum(pipe.held_bytes for pipe in pipes_of(connection)) > 2000
    connection.close("enough")
    assert memory.held_bytes == 0


async def test_what_is_held_for_a_sink_that_is_gone_is_given_back(harness: ConnectionHarness) -> None:
    memory = harness.context.memory = Memory(1 << 20)
    harness.set_defaults(downstream=Faults(Latency(delay_s="100s")), upstream=Faults(Latency(delay_s=1.0)))
    client, server, connection = harness.connect()
    server.send(b"x" * 1000)
    while not connection.pipe(Direction.DOWNSTREAM).held_bytes:
        await turns()
    client.reset()
    while connection.pipe(Direction.DOWNSTREAM).held_bytes:
        await turns()
    assert memory.held_bytes <= PIECE_OVERHEAD_BYTES  # the reset, on its way
    await harness.receive_reset_in_time(server)
    assert memory.held_bytes == 0


async def test_proxies_of_one_process_share_it(anyio_backend: object) -> None:
    with ExitStack() as exits:
        assert (
            ConnectionHarness(exits).context.memory
            is ConnectionHarness(exits).context.memory
            is OF_THIS_PROCESS
        )


async def test_what_is_under_way_is_bounded_by_the_total_too(harness: ConnectionHarness) -> None:
    memory = harness.context.memory = Memory(500_000)
    harness.context.in_flight = InFlightMemory()
    harness.set_defaults(upstream=Faults(Latency(delay_s="100s")))
    client, server, connection = harness.connect()
    sent = await clog(client)
    assert memory.held_bytes <= 500_000 + BUFFER_BYTES + PIECE_OVERHEAD_BYTES * 10
    client.finish()
    assert await harness.receive_all_in_time(server) == PAYLOAD[:sent]
    connection.close("enough")
    assert memory.held_bytes == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_many_connections_share_a_tiny_total_and_all_of_their_bytes_arrive(
    anyio_backend: object, seed: int
) -> None:
    draw = Random(seed)
    with ExitStack() as exits:
        harness = ConnectionHarness(exits)
        harness.buffer_limit_bytes = 1 << 20
        memory = harness.context.memory = Memory(TOTAL_BYTES)
        harness.context.in_flight = InFlightMemory()  # has more to lend than there is memory
        flows: list[tuple[Peer, Peer]] = []
        for _ in range(CONNECTIONS):
            harness.set_defaults(draw.choice(FAULTS), draw.choice(FAULTS))
            client, server, _ = harness.connect(buffer_bytes=8192)
            flows += [(client, server), (server, client)]
        sent = [0] * len(flows)
        received = [b""] * len(flows)
        most_held_bytes = 0
        while not all(sink.has_ended for _, sink in flows):
            number = draw.randrange(len(flows))
            source, sink = flows[number]
            # Most senders push; most receivers are slow.
            if sent[number] < SENT_BYTES:
                end = min(SENT_BYTES, sent[number] + draw.randint(1, 40_000))
                sent[number] += source.send_what_fits(memoryview(PAYLOAD)[sent[number] : end])
                if sent[number] == SENT_BYTES:
                    source.finish()
            if draw.random() < 0.5:
                received[number] += sink.received(draw.randint(1, 50_000))
            if draw.random() < 0.2:
                harness.clock.advance(draw.uniform(0, 0.3))
            await turns(1)
            most_held_bytes = max(most_held_bytes, memory.held_bytes)
        assert received == [PAYLOAD[:SENT_BYTES]] * len(flows)
        assert memory.held_bytes == 0
        # Small pieces cost more bookkeeping than bytes: a slice of 4,000 bytes 200 more.
        least_bytes = LEAST_READ_BYTES + PIECE_OVERHEAD_BYTES * 4
        assert TOTAL_BYTES / 2 < most_held_bytes <= TOTAL_BYTES + DIRECTIONS * least_bytes
