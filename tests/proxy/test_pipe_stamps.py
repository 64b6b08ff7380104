"""Latency counts from when bytes arrived, not from when they were read."""

from __future__ import annotations

import pytest

from tests.proxy.connection_harness import ConnectionHarness, pipes_of
from tests.proxy.receive_timestamps import let_pass
from tests.proxy.waiting import turns, until
from trixter.faults import NO_FAULTS, Direction, Faults, Latency

UNREAD_S = 0.5


@pytest.mark.parametrize("can_stamp", [True, False])
async def test_the_time_that_bytes_lay_unread_counts(
    harness: ConnectionHarness, timestamps_on: None, monkeypatch: pytest.MonkeyPatch, can_stamp: bool
) -> None:
    harness.context.can_stamp = can_stamp
    harness.set_defaults(upstream=Faults(Latency(delay_s=1.0)))
    client, server, connection = harness.connect()
    harness.clock.advance(1.0)  # a chain's time never goes back, not even to an arrival
    client.send(b"letter")
    with monkeypatch.context() as patched:
        let_pass(UNREAD_S, patched)  # and the loop has not turned meanwhile
        await until(lambda: connection.pipe(Direction.UPSTREAM).held_bytes)
    harness.clock.advance(1.0 - UNREAD_S)
    await turns()
    assert server.received() == (b"letter" if can_stamp else b"")


async def test_latency_may_come_and_go(harness: ConnectionHarness) -> None:
    harness.context.can_stamp = True
    client, server, connection = harness.connect()
    for faults in (NO_FAULTS, Faults(Latency(delay_s=1.0)), NO_FAULTS, Faults(Latency(delay_s=1.0))):
        for pipe in pipes_of(connection):
            pipe.faults = faults
        client.send(b"ask")
        server.send(b"answer")
        await until(lambda: faults == NO_FAULTS or all(pipe.held_bytes for pipe in pipes_of(connection)))  # noqa: B023
        harness.clock.advance(1.0)
        assert await server.receive(3) == b"ask"
        assert await client.receive(6) == b"answer"
    client.reset()
    await harness.pass_time_until(lambda: harness.end_reason)
