"""A connection that is over is freed at once: nothing waits for the garbage collector."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import pytest

from tests.proxy.connection_harness import House, live_objects
from tests.proxy.odd_faults import Idle, Trap
from tests.proxy.servers import dead_address, resolve_to, silent_server
from tests.proxy.waiting import turns, until
from trixter.addresses import text_of
from trixter.faults import CALM, Chain, Direction, Faults, Latency
from trixter.proxy import Connection, Pipe
from trixter.proxy.dial import Dialer
from trixter.proxy.sink import SinkWriter

MORTALS = (Connection, Pipe, Chain, SinkWriter, Dialer)


@pytest.fixture(autouse=True, scope="module")
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.freeze()  # what is there already need not be searched for our objects
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.parametrize("faults", [CALM, Faults(Idle()), Faults(Latency(delay_s=1.0))], ids=repr)
@pytest.mark.parametrize("end", ["closed", "reset by client", "reset by upstream", "shutdown", "duration"])
async def test_however_it_ended(house: House, faults: Faults, end: str) -> None:
    house.start_with(faults, faults, duration_s=60.0)
    client, server, connection = house.connect()
    client.send(b"x")
    server.send(b"x")
    await turns()
    match end:
        case "closed":
            client.finish()
            server.finish()
            await turns()
            house.clock.advance(1.0)
        case "reset by client":
            client.reset()
        case "reset by upstream":
            server.reset()
        case "shutdown":
            connection.shut_down("enough")
        case "duration":
            house.clock.advance(60.0)
    del connection
    if faults and end.startswith("reset"):  # it travels like the bytes before it
        await house.pass_time_until(lambda: house.registry.ended[end])
    await until(lambda: house.registry.ended[end])
    assert live_objects(*MORTALS) == []


async def test_with_a_sink_that_was_full(house: House) -> None:
    client, _, connection = house.connect()
    while not connection.pipe(Direction.UPSTREAM).held_bytes:
        client.send_what_fits(bytes(1 << 20))
        await turns(1)
    assert live_objects(SinkWriter)
    connection.shut_down("enough")
    del connection
    assert live_objects(*MORTALS) == []


async def test_after_an_internal_error(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(
        logging.CRITICAL, logger="trixter.proxy"
    )  # a record keeps all its traceback passed through
    house.start_with(Faults(Trap()))
    client, _, connection = house.connect()
    client.send(b"crash")
    await until(lambda: house.end_reason)
    del connection
    assert live_objects(*MORTALS) == []


@pytest.mark.parametrize("name", [True, False])
async def test_if_it_never_opened(house: House, monkeypatch: pytest.MonkeyPatch, name: bool) -> None:
    resolve_to(monkeypatch, dead_address())
    house.lead_to("dead.example:80" if name else dead_address())
    house.knock()
    await until(lambda: house.end_reason)
    assert live_objects(*MORTALS) == []


async def test_a_dial_is_not_kept_while_bytes_flow(house: House) -> None:
    house.connect()
    assert live_objects(Connection)
    assert live_objects(Dialer) == []


async def test_if_it_was_given_up_while_it_was_dialled(house: House) -> None:
    house.lead_to(text_of(silent_server(house.exits).address))
    _, connection = house.knock()
    assert live_objects(Dialer)
    connection.shut_down("enough")
    del connection
    assert live_objects(*MORTALS) == []
