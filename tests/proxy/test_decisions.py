"""Decisions of the faults of connections: with whom, which way, and at which byte of all that was sent."""

from __future__ import annotations

import pytest

from tests.proxy.connection_harness import ConnectionHarness, pipes_of
from tests.proxy.waiting import turns
from trixter.faults import Corrupt, CorruptMode, Direction, Faults, Latency, Slice, Terminate

pytestmark = pytest.mark.anyio

FLIP = Faults(Corrupt(probability=1.0, mode=CorruptMode.FLIP))


async def test_offsets_count_what_came_while_there_was_no_fault(harness: ConnectionHarness) -> None:
    harness.listen()
    client, server, connection = harness.connect()
    sent = 0
    for faults in (FLIP, Faults(), Faults(Latency(delay_s=1)), Faults(), FLIP):
        pipes_of(connection)[0].faults = Faults()
        client.send(b"calm")
        await server.receive(4)
        pipes_of(connection)[0].faults = faults
        client.send(b"x")
        await turns(3)
        harness.clock.advance(2.0)
        await server.receive(1)
        sent += 5
    said = [(direction, each.kind, each.offset_bytes) for _, direction, each in harness.decisions]
    assert said == [
        (Direction.UPSTREAM, "corrupt", 4),
        (Direction.UPSTREAM, "latency", 14),
        (Direction.UPSTREAM, "latency", 15),
        (Direction.UPSTREAM, "corrupt", 24),
    ]


async def test_each_is_told_with_its_connection_and_its_direction(harness: ConnectionHarness) -> None:
    harness.listen()
    harness.set_defaults(downstream=Faults(Slice(size_bytes=2)))
    for _ in range(2):
        client, server, _ = harness.connect()
        server.send(b"abcd")
        await client.receive(4)
    assert [(number, direction) for number, direction, _ in harness.decisions] == [
        (1, Direction.DOWNSTREAM),
        (2, Direction.DOWNSTREAM),
    ]


async def test_strikes_are_counted_also_when_no_listener_is_there(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=Faults(Terminate(probability=1.0)))
    harness.connect_client()
    await turns(3)
    assert harness.strikes == {"terminate": 1}
    assert harness.decisions == []
