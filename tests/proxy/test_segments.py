"""Slices arrive as segments of their own, also when the sink was full meanwhile.

On a busy machine the kernel sends a segment twice now and then, so there may be more of them, but never
fewer.
"""

from __future__ import annotations

import sys

import pytest

from tests.proxy.connection_harness import ConnectionHarness
from tests.proxy.peers import clog
from tests.proxy.waiting import until
from trixter.faults import Direction, Faults, Latency, Slice

SLICES = Slice(size_bytes=100)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO and MSG_EOR are Linux's")


async def test_each_slice_is_a_segment(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=Faults(SLICES))
    client, server, _ = harness.connect()
    client.send(bytes(1050))
    await server.receive(1050)
    assert server.segments_received >= 11


async def test_slices_that_leave_together_are_segments_too(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=Faults(SLICES, Latency(delay_s=1.0)))
    client, server, connection = harness.connect()
    client.send(bytes(2000))
    await until(lambda: connection.pipe(Direction.UPSTREAM).held_bytes)
    assert server.segments_received == 0
    harness.clock.advance(1.0)
    await server.receive(2000)
    assert server.segments_received >= 20


async def test_calm_bytes_are_not_cut(harness: ConnectionHarness) -> None:
    client, server, _ = harness.connect()
    client.send(bytes(2000))
    await server.receive(2000)
    assert server.segments_received < 20


async def test_slices_that_waited_for_a_full_sink_are_segments_too(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=Faults(Slice(size_bytes=1000)))
    client, server, connection = harness.connect()
    sent = await clog(client)
    assert connection.pipe(Direction.UPSTREAM).held_bytes
    client.finish()
    assert len(await server.receive_all()) == sent
    # Reads end where they end, so some slices are smaller. None may be larger.
    assert server.segments_received >= sent / 1000
