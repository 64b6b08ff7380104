"""Bulk on a calm direction is carried by the kernel, and the bytes are the same."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxy.connection_harness import ConnectionHarness
from tests.proxy.odd_faults import Idle
from tests.proxy.peers import PAYLOAD, Peer, clog
from tests.proxy.waiting import turns, until
from trixter.faults import NO_FAULTS, Direction, Fault, Faults, Latency, Slice, Throttle
from trixter.proxy import EndReason
from trixter.proxy.source import SPLICED_FROM_BYTES, SPLICED_FROM_READS
from trixter.proxy.splice import PIPE_BYTES, Splicer

pytestmark = pytest.mark.skipif(not hasattr(os, "splice"), reason="this system has no splice")

BULK_BYTES = 64 * 1024


class CountingSplicer(Splicer):
    """Count the bytes that went through."""

    def __init__(self) -> None:
        super().__init__()
        self.forwarded_bytes = 0

    def empty(self, sink: object, size: int) -> tuple[int, bytes]:
        passed, rest = super().empty(sink, size)  # type: ignore[arg-type]
        self.forwarded_bytes += passed
        return passed, rest


def count_in(harness: ConnectionHarness) -> CountingSplicer:
    """Let the harness's pipes use a splicer that counts."""
    assert harness.context.splicer is not None
    harness.context.splicer.close()
    harness.context.splicer = counting = CountingSplicer()
    return counting


async def warm_up(source: Peer, sink: Peer) -> None:
    """Send large pieces until the next is bulk."""
    for _ in range(SPLICED_FROM_READS):
        await source.send_all(PAYLOAD[: 2 * BULK_BYTES])
        await sink.receive(2 * BULK_BYTES)


@pytest.mark.parametrize("direction", list(Direction))
async def test_after_a_few_large_reads_the_kernel_carries(
    harness: ConnectionHarness, direction: Direction
) -> None:
    splicer = count_in(harness)
    client, server, connection = harness.connect()
    source, sink = (client, server) if direction is Direction.UPSTREAM else (server, client)
    await warm_up(source, sink)
    before = splicer.forwarded_bytes
    await source.send_all(PAYLOAD[:BULK_BYTES])
    assert await sink.receive(BULK_BYTES) == PAYLOAD[:BULK_BYTES]
    assert splicer.forwarded_bytes > before
    assert connection.pipe(direction).forwarded_bytes == 2 * SPLICED_FROM_READS * BULK_BYTES + BULK_BYTES


async def test_many_small_reads_do_not_make_it_bulk(harness: ConnectionHarness) -> None:
    splicer = count_in(harness)
    client, server, _ = harness.connect()
    for _ in range(2 * SPLICED_FROM_READS):
        client.send(bytes(SPLICED_FROM_BYTES - 1))
        await server.receive(SPLICED_FROM_BYTES - 1)
    assert splicer.forwarded_bytes == 0


async def test_small_reads_end_it(harness: ConnectionHarness) -> None:
    splicer = count_in(harness)
    client, server, _ = harness.connect()
    await warm_up(client, server)
    for _ in range(3):
        client.send(b"small")
        assert await server.receive(5) == b"small"
        before, splicer.forwarded_bytes = splicer.forwarded_bytes, 0
    assert before == 0


async def test_a_fault_ends_it_at_once(harness: ConnectionHarness) -> None:
    splicer = count_in(harness)
    client, server, connection = harness.connect()
    await warm_up(client, server)
    connection.pipe(Direction.UPSTREAM).faults = Faults(Latency(delay_s=1.0))
    before = splicer.forwarded_bytes
    await client.send_all(PAYLOAD[:BULK_BYTES])
    await turns()
    assert server.received() == b""
    harness.clock.advance(1.0)
    assert await server.receive(BULK_BYTES) == PAYLOAD[:BULK_BYTES]
    assert splicer.forwarded_bytes == before


async def test_the_end_is_seen(harness: ConnectionHarness) -> None:
    client, server, _ = harness.connect()
    await warm_up(client, server)
    client.send(b"the rest")
    client.finish()
    assert await server.receive_all() == b"the rest"


async def test_a_source_that_goes_is_a_reset(harness: ConnectionHarness) -> None:
    client, server, _ = harness.connect()
    await warm_up(client, server)
    client.reset()
    await server.receive_reset()
    assert harness.end_reason == EndReason("reset by client", reset=True)


async def test_a_sink_that_goes_is_a_reset_and_hurts_nobody_else(harness: ConnectionHarness) -> None:
    client, server, _ = harness.connect()
    another, its_server, _ = harness.connect()
    await warm_up(client, server)
    await warm_up(another, its_server)
    client.send_what_fits(PAYLOAD)
    server.reset()
    await until(lambda: harness.end_reason)
    assert harness.end_reason == EndReason("reset by upstream", reset=True)
    await another.send_all(PAYLOAD[: 2 * BULK_BYTES])
    assert await its_server.receive(2 * BULK_BYTES) == PAYLOAD[: 2 * BULK_BYTES]


async def test_a_sink_that_does_not_read_makes_it_hold_one_pipe_full_at_most(
    harness: ConnectionHarness,
) -> None:
    splicer = count_in(harness)
    client, server, connection = harness.connect()
    sent = await clog(client)
    assert splicer.forwarded_bytes
    assert 0 < connection.pipe(Direction.UPSTREAM).held_bytes <= PIPE_BYTES + 1000
    client.finish()
    assert await server.receive_all() == PAYLOAD[:sent]


async def test_without_it_bytes_pass_as_well(harness: ConnectionHarness) -> None:
    assert harness.context.splicer is not None
    harness.context.splicer.close()
    harness.context.splicer = None
    client, server, _ = harness.connect()
    await warm_up(client, server)
    await warm_up(client, server)


harmless: st.SearchStrategy[Fault] = st.one_of(
    st.just(Idle()),
    st.builds(Latency, delay_s=st.floats(0, 1), jitter_s=st.floats(0, 1)),
    st.builds(Throttle, rate_bytes_per_s=st.sampled_from([1e6, 1e9])),
    st.builds(Slice, size_bytes=st.integers(5000, 100_000)),
)
mixtures = st.just(NO_FAULTS) | st.lists(harmless, max_size=2).map(lambda faults: Faults(*faults))
sizes = st.integers(1, 4 * BULK_BYTES)
steps = st.one_of(
    st.tuples(st.just("change"), mixtures),
    st.tuples(st.just("send"), sizes),
    st.tuples(st.just("receive"), sizes),
    st.tuples(st.just("advance"), st.floats(0, 2)),
    st.tuples(st.just("turn"), st.integers(1, 3)),
)


@given(schedule=st.lists(steps, max_size=30), is_small=st.booleans())
async def test_faults_that_come_and_go_lose_repeat_and_reorder_nothing(
    anyio_backend: object, schedule: list[tuple[str, object]], is_small: bool
) -> None:
    with ExitStack() as exits:
        harness = ConnectionHarness(exits)
        splicer = count_in(harness)
        # With small buffers, the sink takes only a part of what the pipe holds.
        client, server, connection = harness.connect(buffer_bytes=300_000 if is_small else 0)
        pipe = connection.pipe(Direction.DOWNSTREAM)
        sent, received = 0, bytearray()
        for _ in range(2 * SPLICED_FROM_READS):
            sent += server.send_what_fits(PAYLOAD[sent : sent + 2 * BULK_BYTES])
            await turns(2)
            received += client.received()
        assert splicer.forwarded_bytes, "not bulk yet"
        for step, value in schedule:
            match step, value:
                case "change", Faults() as faults:
                    pipe.faults = faults
                case "send", int(size):
                    sent += server.send_what_fits(PAYLOAD[sent : sent + size])
                case "receive", int(size):
                    received += client.received(size)
                case "advance", float(seconds):
                    harness.clock.advance(seconds)
                case "turn", int(count):
                    await turns(count)
            assert PAYLOAD.startswith(received)
        server.finish()
        received += await harness.receive_all_in_time(client)
        assert received == PAYLOAD[:sent]
        assert (pipe.forwarded_bytes, pipe.held_bytes) == (sent, 0)
        assert harness.end_reason is None
