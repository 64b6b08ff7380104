"""Bulk on a calm direction is carried by the kernel, and the bytes are the same."""

from __future__ import annotations

import os

import pytest

from tests.proxy.connection_harness import ConnectionHarness
from tests.proxy.peers import PAYLOAD, Peer, clog
from tests.proxy.waiting import turns, until
from trixter.faults import NO_FAULTS, Direction, Faults, Latency, Terminate
from trixter.proxy import EndReason
from trixter.proxy.memory import LEAST_READ_BYTES
from trixter.proxy.pipe import LARGE_BYTES, SPLICED_FROM_READS
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
        client.send(bytes(LARGE_BYTES - 1))
        await server.receive(LARGE_BYTES - 1)
    assert splicer.forwarded_bytes == 0


@pytest.mark.parametrize("faults", [NO_FAULTS, Faults(Terminate(probability=1e-12))], ids=["calm", "chain"])
async def test_messages_that_are_a_little_too_long_for_a_small_read_are_sent_in_one_piece(
    harness: ConnectionHarness, faults: Faults
) -> None:
    harness.set_defaults(upstream=faults)
    client, server, _ = harness.connect()
    message = PAYLOAD[: LEAST_READ_BYTES + 800]
    for size in [len(message)] * 10 + [1] * 10 + [len(message)] * 3:
        before = server.segments_received
        client.send(message[:size])
        assert await server.receive(size) == message[:size]
    assert server.segments_received == before + 1


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
