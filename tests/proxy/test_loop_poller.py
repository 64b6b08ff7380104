"""Where there is no epoll, the loop's own watches carry connections as well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from tests.proxy.connection_harness import ConnectionHarness
from tests.proxy.odd_faults import Idle
from tests.proxy.peers import PAYLOAD, clog
from tests.proxy.servers import silent_server
from tests.proxy.waiting import until
from trixter.addresses import text_of
from trixter.faults import NO_FAULTS, Faults
from trixter.proxy import EndReason
from trixter.proxy.poller import LoopPoller


@pytest.fixture
async def harness(anyio_backend: object) -> AsyncIterator[ConnectionHarness]:
    with ExitStack() as exits:
        yield ConnectionHarness(exits, LoopPoller(asyncio.get_running_loop()))


@pytest.fixture(params=[NO_FAULTS, Faults(Idle())], ids=["calm", "chain"], autouse=True)
def either_path(request: pytest.FixtureRequest, harness: ConnectionHarness) -> None:
    harness.set_defaults(request.param, request.param)


async def test_bytes_and_ends_pass_both_ways(harness: ConnectionHarness) -> None:
    client, server, _ = harness.connect()
    client.send(b"ping")
    client.finish()
    assert await server.receive_all() == b"ping"
    server.send(b"pong")
    server.finish()
    assert await client.receive_all() == b"pong"
    assert harness.end_reason == EndReason("closed")


async def test_a_full_sink_pauses_its_source_and_loses_nothing(harness: ConnectionHarness) -> None:
    client, server, _ = harness.connect()
    sent = await clog(client)
    client.finish()
    assert await server.receive_all() == PAYLOAD[:sent]


async def test_a_reset_is_passed_on(harness: ConnectionHarness) -> None:
    client, server, _ = harness.connect()
    server.reset()
    assert await client.receive_reset() == b""
    assert harness.end_reason == EndReason("reset by upstream", reset=True)


async def test_a_dial_can_be_waited_for_and_given_up(harness: ConnectionHarness) -> None:
    harness.set_upstream(text_of(silent_server(harness.exits).address))
    _, connection = harness.connect_client()
    harness.clock.advance(10.0)
    await until(lambda: connection.end_reason)
    assert harness.registry.ended == {"connect timeout": 1}
