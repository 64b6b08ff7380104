"""An internal error ends one connection, with a traceback in the log; everything else goes on."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from tests.proxy.connection_harness import ConnectionHarness
from tests.proxy.odd_faults import Dud, LateTrap, Relapse, Trap
from tests.proxy.servers import silent_server
from tests.proxy.waiting import until
from trixter.addresses import text_of
from trixter.faults import Direction, Faults, Latency
from trixter.proxy import Connection, EndReason
from trixter.proxy.epoll import EpollPoller
from trixter.proxy.poller import Callback


class ScarcePoller(EpollPoller):
    """Watch sockets until there is no room for more: fs.epoll.max_user_watches."""

    is_full = False

    def read(self, fd: int, on_readable: Callback) -> None:
        self._require_room()
        super().read(fd, on_readable)

    def write(self, fd: int, on_writable: Callback) -> None:
        self._require_room()
        super().write(fd, on_writable)

    def _require_room(self) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
async def poller(anyio_backend: object) -> ScarcePoller:
    return ScarcePoller(asyncio.get_running_loop())


@pytest.fixture
async def harness(poller: ScarcePoller) -> AsyncIterator[ConnectionHarness]:
    with ExitStack() as exits:
        yield ConnectionHarness(exits, poller)


class ClumsyHouse(ConnectionHarness):
    """A harness that trips over every connection that ends."""

    def on_ended(self, connection: Connection, end_reason: EndReason) -> None:
        super().on_ended(connection, end_reason)
        raise ZeroDivisionError


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what we logged; asyncio, in debug mode, tells of every slow step."""
    return [record for record in caplog.records if record.name.startswith("trixter")]


def assert_only_the_second_ended(
    harness: ConnectionHarness, caplog: pytest.LogCaptureFixture, error: str
) -> None:
    assert harness.end_reason is not None
    assert (harness.end_reason.reason, harness.end_reason.detail, harness.end_reason.reset) == (
        "internal error",
        error,
        True,
    )
    (record,) = ours(caplog)
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "connection c-2: internal error")
    assert record.exc_info is not None
    assert len(harness.registry) == len(harness.registry.all()) == 1


@pytest.mark.parametrize("when", ["bytes arrive", "bytes leave", "it starts", "settings change"])
async def test_a_fault_that_fails(
    harness: ConnectionHarness, caplog: pytest.LogCaptureFixture, when: str
) -> None:
    other_client, other_server, _ = harness.connect()
    fault = {"bytes leave": LateTrap(), "it starts": Dud(), "settings change": Relapse()}.get(when, Trap())
    harness.set_defaults(upstream=Faults(fault, Latency(delay_s=1.0)))
    client, server, connection = harness.connect()
    upstream = connection.pipe(Direction.UPSTREAM)
    if when == "bytes arrive":
        client.send(b"crash")
    elif when == "bytes leave":
        client.send(b"crash")
        await until(lambda: upstream.held_bytes)
        harness.clock.advance(1.0)
    elif when == "settings change":
        upstream.faults = Faults(Relapse(severity=1))
    assert await client.receive_reset() == await server.receive_reset() == b""
    assert_only_the_second_ended(harness, caplog, "ZeroDivisionError")
    other_client.send(b"all is well")
    assert await other_server.receive(11) == b"all is well"


@pytest.mark.parametrize("when", ["it is dialled", "it opens"])
async def test_a_system_that_cannot_watch_its_sockets(
    harness: ConnectionHarness, poller: ScarcePoller, caplog: pytest.LogCaptureFixture, when: str
) -> None:
    other_client, other_server, _ = harness.connect()
    if when == "it is dialled":
        harness.set_upstream(text_of(silent_server(harness.exits).address))
    poller.is_full = True
    client, _ = harness.connect_client()
    poller.is_full = False
    assert await client.receive_reset() == b""
    assert_only_the_second_ended(harness, caplog, "OSError")
    other_client.send(b"all is well")
    assert await other_server.receive(11) == b"all is well"


async def test_nothing_goes_wrong_in_silence_also_after_the_end(
    anyio_backend: object, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as exits:
        harness = ClumsyHouse(exits)
        harness.set_defaults(upstream=Faults(Trap()))
        client, _, _ = harness.connect()
        client.send(b"abort")
        await until(lambda: ours(caplog))
        (record,) = ours(caplog)
        assert record.getMessage() == "a connection that is over: internal error"
        assert record.exc_info is not None
        assert record.exc_info[0] is ZeroDivisionError
