"""A connection that is over is freed at once: nothing waits for the garbage collector."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import pytest

from tests.proxy.connection_harness import ConnectionHarness, live_objects
from tests.proxy.odd_faults import Idle, Trap
from tests.proxy.servers import dead_address, resolve_to, silent_server
from tests.proxy.waiting import turns, until
from trixter.addresses import text_of
from trixter.faults import NO_FAULTS, Chain, Direction, Faults, Latency, Slice
from trixter.faults.chain_output import ChainOutput, InputCounter
from trixter.faults.latency import LatencyStage
from trixter.proxy import Connection, Pipe
from trixter.proxy.dial import Dialer
from trixter.proxy.sink import SinkWriter

MORTALS = (Connection, Pipe, Chain, ChainOutput, InputCounter, LatencyStage, SinkWriter, Dialer)


@pytest.fixture(autouse=True, scope="module")
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.freeze()  # what is there already need not be searched for our objects
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.parametrize("faults", [NO_FAULTS, Faults(Idle()), Faults(Latency(delay_s=1.0))], ids=repr)
@pytest.mark.parametrize("end", ["closed", "reset by client", "reset by upstream", "shutdown", "duration"])
async def test_however_it_ended(harness: ConnectionHarness, faults: Faults, end: str) -> None:
    harness.set_defaults(faults, faults, connection_duration_s=60.0)
    client, server, connection = harness.connect()
    client.send(b"x")
    server.send(b"x")
    await turns()
    match end:
        case "closed":
            client.finish()
            server.finish()
            await turns()
            harness.clock.advance(1.0)
        case "reset by client":
            client.reset()
        case "reset by upstream":
            server.reset()
        case "shutdown":
            connection.close("enough")
        case "duration":
            harness.clock.advance(60.0)
    del connection
    if faults and end.startswith("reset"):  # it travels like the bytes before it
        await harness.pass_time_until(lambda: harness.registry.ended[end])
    await until(lambda: harness.registry.ended[end])
    assert live_objects(*MORTALS) == []


@pytest.mark.parametrize("is_kept", [True, False])
async def test_if_its_decisions_were_told(harness: ConnectionHarness, is_kept: bool) -> None:
    harness.listen()
    harness.set_defaults(Faults(Latency(delay_s=1.0), Slice(size_bytes=1)))
    client, _, connection = harness.connect()
    client.send(b"xyz")
    await until(lambda: len(harness.decisions) == 2)
    if not is_kept:
        connection.pipe(Direction.UPSTREAM).faults = NO_FAULTS
    connection.close("enough")
    del connection
    assert live_objects(*MORTALS) == []


async def test_with_a_sink_that_was_full(harness: ConnectionHarness) -> None:
    client, _, connection = harness.connect()
    while not connection.pipe(Direction.UPSTREAM).held_bytes:
        client.send_what_fits(bytes(1 << 20))
        await turns(1)
    assert live_objects(SinkWriter)
    connection.close("enough")
    del connection
    assert live_objects(*MORTALS) == []


async def test_after_an_internal_error(harness: ConnectionHarness, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(
        logging.CRITICAL, logger="trixter.proxy"
    )  # a record keeps all its traceback passed through
    harness.set_defaults(Faults(Trap()))
    client, _, connection = harness.connect()
    client.send(b"crash")
    await until(lambda: harness.end_reason)
    del connection
    assert live_objects(*MORTALS) == []


@pytest.mark.parametrize("name", [True, False])
async def test_if_it_never_opened(
    harness: ConnectionHarness, monkeypatch: pytest.MonkeyPatch, name: bool
) -> None:
    resolve_to(monkeypatch, dead_address())
    harness.set_upstream("dead.example:80" if name else dead_address())
    harness.connect_client()
    await until(lambda: harness.end_reason)
    assert live_objects(*MORTALS) == []


async def test_a_dial_is_not_kept_while_bytes_flow(harness: ConnectionHarness) -> None:
    harness.connect()
    assert live_objects(Connection)
    assert live_objects(Dialer) == []


async def test_if_it_was_given_up_while_it_was_dialled(harness: ConnectionHarness) -> None:
    harness.set_upstream(text_of(silent_server(harness.exits).address))
    _, connection = harness.connect_client()
    assert live_objects(Dialer)
    connection.close("enough")
    del connection
    assert live_objects(*MORTALS) == []
