"""A faulty network is under every connection of a block, by host and port; afterwards all is as it was."""

from __future__ import annotations

import asyncio
import gc
import socket
import weakref
from contextlib import suppress
from typing import Any

import pytest

from tests.netem.asyncio.programs import EchoServer
from tests.proxy.waiting import turns, until
from trixter.errors import SettingError
from trixter.faults import NO_FAULTS, Faults, Latency, Slice, Terminate, Throttle
from trixter.netem import faulty_network, open_connection, start_server
from trixter.netem.asyncio.network import PATCHED

STALLED = Faults(Latency(delay_s="1h"))


async def is_stalled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: EchoServer) -> bool:
    """Send a byte, and say whether it does not come through."""
    before = len(server.received)
    writer.write(b"x")
    await turns(30)
    return len(server.received) == before


async def test_a_connection_by_host_and_port_has_the_faults(server: EchoServer) -> None:
    async with faulty_network({f"127.0.0.1:{server.port}": STALLED, "*:*": NO_FAULTS}) as network:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await is_stalled(reader, writer, server)
        assert len(network.connections) == 1
        writer.transport.abort()
        await until(lambda: not network.connections)


@pytest.mark.parametrize("key", ["127.0.0.1:*", "*:{port}", "*:*"])
async def test_stars_stand_for_anything(server: EchoServer, key: str) -> None:
    async with faulty_network({key.format(port=server.port): STALLED}):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await is_stalled(reader, writer, server)
        writer.transport.abort()


async def test_the_most_exact_key_counts(server: EchoServer) -> None:
    ways = {"*:*": STALLED, f"*:{server.port}": STALLED, f"127.0.0.1:{server.port}": NO_FAULTS}
    async with faulty_network(ways):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert not await is_stalled(reader, writer, server)
        writer.transport.abort()


async def test_who_looks_a_name_up_and_connects_to_its_address_has_the_faults(server: EchoServer) -> None:
    loop = asyncio.get_running_loop()
    async with faulty_network({f"localhost:{server.port}": STALLED}):
        found = await loop.getaddrinfo("localhost", server.port, family=2, type=1)
        reader, writer = await asyncio.open_connection(*found[0][4][:2])
        assert await is_stalled(reader, writer, server)
        writer.transport.abort()


async def test_a_socket_that_the_program_connected_has_the_faults(server: EchoServer) -> None:
    async with faulty_network({f"127.0.0.1:{server.port}": STALLED}):
        sock = socket.create_connection(("127.0.0.1", server.port))
        sock.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=sock)
        assert await is_stalled(reader, writer, server)
        writer.transport.abort()


@pytest.mark.filterwarnings("ignore::trixter.netem.UnmatchedKeyWarning")
async def test_others_are_left_alone(server: EchoServer) -> None:
    async with faulty_network({"db:5432": STALLED}) as network:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert not await is_stalled(reader, writer, server)
        assert network.connections == []
        writer.transport.abort()


async def test_a_change_reaches_connections_that_are_open(server: EchoServer) -> None:
    key = f"127.0.0.1:{server.port}"
    async with faulty_network({key: STALLED}) as network:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await is_stalled(reader, writer, server)
        network[key] = (NO_FAULTS, STALLED)
        assert network[key] == (NO_FAULTS, STALLED)
        await until(lambda: server.received == b"x")
        del network[key]
        assert await reader.readexactly(1) == b"x"
        writer.transport.abort()


async def test_a_reset_surfaces_as_the_clients_own_error_and_a_new_connection_works(
    server: EchoServer,
) -> None:
    async with faulty_network({"*:*": NO_FAULTS}) as network:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        network.reset_all()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert not await is_stalled(reader, writer, server)
        writer.transport.abort()


async def test_in_the_end_everything_is_as_it_was(server: EchoServer) -> None:
    loop = asyncio.get_running_loop()
    before = [getattr(loop, name) for name in PATCHED]
    with suppress(RuntimeError):
        async with faulty_network({"*:*": STALLED}):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"held")
            raise RuntimeError("the block fails")
    assert [getattr(loop, name) for name in PATCHED] == before
    assert not set(PATCHED) & set(vars(loop))
    assert await reader.readexactly(4) == b"held"  # what is still open is calm
    writer.transport.abort()


async def test_networks_may_end_in_any_order(server: EchoServer) -> None:
    first, second = faulty_network({"*:*": STALLED}), faulty_network({"*:*": NO_FAULTS})
    loop = asyncio.get_running_loop()
    await first.__aenter__()
    await second.__aenter__()
    await first.__aexit__(None, None, None)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    assert not await is_stalled(reader, writer, server)
    writer.transport.abort()
    await second.__aexit__(None, None, None)
    assert not set(PATCHED) & set(vars(loop))


async def test_an_inner_network_comes_before_an_outer_one(server: EchoServer) -> None:
    async with faulty_network({"*:*": STALLED}), faulty_network({"*:*": NO_FAULTS}):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert not await is_stalled(reader, writer, server)
        writer.transport.abort()


@pytest.mark.parametrize("key", ["db", "", ":1", "db:", "db:0", "db:65536", "db:http", "db:-1", 5, None])
async def test_what_is_no_destination_is_refused(anyio_backend: object, key: Any) -> None:
    with pytest.raises(SettingError, match='key must be text such as "db:5432"'):
        async with faulty_network({key: NO_FAULTS}):
            pass


@pytest.mark.parametrize("way", [None, 1, (NO_FAULTS,), (NO_FAULTS, 1), (), [NO_FAULTS], "x"])
async def test_what_are_no_faults_is_refused(anyio_backend: object, way: Any) -> None:
    with pytest.raises(SettingError, match="faults must be a fault or Faults, or a pair"):
        async with faulty_network({"*:*": way}):
            pass


async def test_a_server_and_a_client_of_asyncio_with_faults(anyio_backend: object) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()

    sliced = Faults(Slice(size_bytes=3))
    server = await start_server(answer, "127.0.0.1", 0, upstream=sliced, downstream=sliced, seed=1)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await open_connection("127.0.0.1", port, upstream=sliced, downstream=sliced, seed=1)
    writer.write(b"0123456789")
    writer.write_eof()
    assert await reader.read() == b"0123456789"
    writer.close()
    await writer.wait_closed()
    server.close()


async def test_drain_waits_for_a_throttle_and_not_for_latency(server: EchoServer) -> None:
    key = f"127.0.0.1:{server.port}"
    async with faulty_network({key: STALLED}) as network:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(bytes(1_000_000))
        await writer.drain()
        network[key] = Faults(Throttle(rate_bytes_per_s=1.0))
        writer.write(bytes(1_000_000))
        draining = asyncio.gather(writer.drain())
        await turns()
        assert not draining.done()
        network[key] = NO_FAULTS
        await draining
        writer.transport.abort()


async def test_the_same_seed_gives_each_connection_the_same_luck(server: EchoServer) -> None:
    async def survived(seed: int) -> list[int]:
        counts = []
        async with faulty_network({"*:*": (Faults(Terminate(probability=0.1)), NO_FAULTS)}, seed=seed):
            for _ in range(5):
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
                count = 0
                while not writer.is_closing():
                    writer.write(b"x")
                    count += 1
                counts.append(count)
        return counts

    first = await survived(7)
    assert first == await survived(7)
    assert first != await survived(8)
    assert len(set(first)) > 1


async def test_no_connection_leaves_a_timer_or_a_link_behind(server: EchoServer) -> None:
    slow = Faults(Latency(delay_s="1h"), Throttle(rate_bytes_per_s=1.0))
    async with faulty_network({"*:*": slow}) as network:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"held")
        (link,) = network.connections
        writer.transport.abort()
        await until(lambda: not network.connections)
        del reader, writer
        await turns()
        reference = weakref.ref(link)
        del link
        await until(lambda: gc.collect() is not None and reference() is None)
