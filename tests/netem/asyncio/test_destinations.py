"""A key is met by name, also if the client looks names up itself; one that met no connection is warned of."""

from __future__ import annotations

import asyncio
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.netem.asyncio.programs import EchoServer
from tests.proxy.waiting import until
from trixter.faults import NO_FAULTS, Direction, Faults, Latency, Slice
from trixter.netem import Network, UnmatchedKeyWarning, faulty_network
from trixter.netem.asyncio import destinations

FAULT = Slice(size_bytes=1)
OTHER = Slice(size_bytes=2)


async def faults_met(network: Network, port: int) -> Faults:
    """Return what a connection meets that is opened by address, as clients with resolvers of their own do."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    met = network.connections[-1].faults(Direction.UPSTREAM) if network.connections else NO_FAULTS
    writer.transport.abort()
    await until(lambda: not network.connections)
    return met


@contextmanager
def addresses(monkeypatch: pytest.MonkeyPatch, **hosts: str | threading.Event) -> Iterator[None]:
    """Let lookups of these names find these addresses; an event is waited for first, and finds 127.0.0.1."""
    before = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        found = hosts.get(host, host)
        if isinstance(found, threading.Event):
            found.wait()
            found = "127.0.0.1"
        return before(found, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


async def test_a_client_that_looks_names_up_itself_is_recognised(
    server: EchoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with addresses(monkeypatch, db="127.0.0.1"):
        async with faulty_network({f"db:{server.port}": FAULT, "*:*": NO_FAULTS}) as network:
            assert await faults_met(network, server.port) == Faults(FAULT)


async def test_aiohttp_with_a_resolver_of_its_own_is_recognised(server: EchoServer) -> None:
    class Resolver(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            found = ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0
            )
            return [found]

        async def close(self) -> None: ...

    connector = aiohttp.TCPConnector(resolver=Resolver())
    ways = {f"localhost:{server.port}": Latency(delay_s="1h")}
    async with faulty_network(ways) as network, aiohttp.ClientSession(connector=connector) as session:
        asking = asyncio.gather(session.get(f"http://localhost:{server.port}/"), return_exceptions=True)
        await until(lambda: network.connections)
        network.reset_all()
        assert isinstance((await asking)[0], aiohttp.ClientConnectionError)


async def test_a_name_that_the_loop_looked_up_counts_before_those_of_keys(
    server: EchoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = {f"a:{server.port}": FAULT, f"localhost:{server.port}": OTHER}
    with addresses(monkeypatch, a="127.0.0.1"):
        async with faulty_network(ways) as network:
            assert await faults_met(network, server.port) == Faults(FAULT)
            await asyncio.get_running_loop().getaddrinfo("localhost", None, family=socket.AF_INET)
            assert await faults_met(network, server.port) == Faults(OTHER)


@pytest.mark.parametrize("host", ["127.0.0.1", "::ffff:127.0.0.1", "[0:0:0:0:0:ffff:7f00:1]"])
async def test_an_address_may_be_written_in_any_form(server: EchoServer, host: str) -> None:
    async with faulty_network({f"{host}:{server.port}": FAULT}) as network:
        assert await faults_met(network, server.port) == Faults(FAULT)


async def test_a_lookup_that_takes_long_holds_nothing_up_and_counts_when_it_is_done(
    server: EchoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destinations, "LOOKUP_TIMEOUT_S", 0.0)
    found = threading.Event()
    with addresses(monkeypatch, slow=found):
        async with faulty_network({f"slow:{server.port}": FAULT}) as faulty:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            assert faulty.connections == []
            writer.transport.abort()
            found.set()
            while not faulty.connections:
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
                if not faulty.connections:
                    writer.transport.abort()
            assert faulty.connections[0].faults(Direction.UPSTREAM) == Faults(FAULT)
            writer.transport.abort()


async def test_a_key_that_is_set_later_reaches_connections_by_address(
    server: EchoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with addresses(monkeypatch, later="127.0.0.1"):
        async with faulty_network({"*:*": NO_FAULTS}) as network:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            (link,) = network.connections
            network[f"later:{server.port}"] = FAULT
            await until(lambda: link.faults(Direction.UPSTREAM) == Faults(FAULT))
            writer.transport.abort()


async def test_a_host_that_is_not_known_is_no_error(
    server: EchoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def getaddrinfo(*args: Any, **options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.warns(UnmatchedKeyWarning, match=r"'nowhere\.example:1'"):
        async with faulty_network({"nowhere.example:1": FAULT}):
            pass


async def test_each_key_that_met_no_connection_is_warned_of_once(server: EchoServer) -> None:
    ways = {
        f"127.0.0.1:{server.port}": FAULT,
        "127.0.0.1:*": FAULT,
        "[::1]:5432": FAULT,
        "*:1": FAULT,
        "*:*": FAULT,
    }
    with pytest.warns(UnmatchedKeyWarning) as caught:
        async with faulty_network(ways) as network:
            assert await faults_met(network, server.port) == Faults(FAULT)
    texts = [str(each.message) for each in caught]
    seen = f"this event loop connected to: 127.0.0.1:{server.port}. "
    assert [text.partition(seen)[0] for text in texts] == [
        "no connection matched '[::1]:5432', so its faults did nothing; ",
        "no connection matched '*:1', so its faults did nothing; ",
    ]
    assert all("psycopg's AsyncConnection, grpc.aio" in text for text in texts)
    assert {each.filename for each in caught} == {__file__}


@pytest.mark.parametrize("found", [("a", "b"), ("b", "a")])
def test_of_two_hosts_with_one_address_the_first_in_the_alphabet_counts(found: tuple[str, str]) -> None:
    known = destinations.Destinations()
    for host in found:
        known.learn(host, ["127.0.0.1", "127.0.0.1"])
    keys = [("b", 80), ("a", 80), ("b", 0), ("*", 0)]
    assert known.fitting(("127.0.0.1",), 80, keys) == [("a", 80), ("b", 80), ("b", 0), ("*", 0)]


def test_the_warning_lists_a_few_of_the_destinations() -> None:
    known = destinations.Destinations()
    for last in range(1, 10):
        known.see((f"127.0.0.{last}",), 80)
        known.see((f"127.0.0.{last}",), 80)
    (text,) = known.warnings([("db", 5432)])
    assert "connected to: 127.0.0.1:80, 127.0.0.2:80, 127.0.0.3:80, 127.0.0.4:80, 127.0.0.5:80, …. " in text


async def test_nothing_is_said_of_what_could_not_have_been_missed(anyio_backend: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with faulty_network({"*:*": FAULT, "127.0.0.1:1": NO_FAULTS, "127.0.0.1:2": FAULT}) as network:
            del network["127.0.0.1:2"]


async def test_an_attempt_counts_and_so_does_one_that_an_inner_network_takes(anyio_backend: object) -> None:
    async with faulty_network({"127.0.0.1:1": FAULT}), faulty_network({"127.0.0.1:1": FAULT}):
        with pytest.raises(OSError):  # noqa: PT011 - nothing listens there
            await asyncio.open_connection("127.0.0.1", 1)


async def test_an_error_in_the_block_stays_what_it_is_and_has_the_sentence_as_a_note(
    anyio_backend: object,
) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        async with faulty_network({"127.0.0.1:1": FAULT}):
            raise ZeroDivisionError
    (note,) = caught.value.__notes__
    assert note.startswith("no connection matched '127.0.0.1:1'")


@pytest.mark.parametrize(
    ("host", "form"),
    [
        ("DB.Example.", "db.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("::FFFF:1.2.3.4", "1.2.3.4"),
        ("0::1", "::1"),
    ],
)
def test_a_host_has_one_form(host: str, form: str) -> None:
    assert destinations.canonical(host) == form
