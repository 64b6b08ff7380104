"""Changes of a faulty network while a connection opens count for that connection, too."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.netem.asyncio.programs import EchoServer, Noting
from tests.netem.asyncio.test_network import STALLED, is_stalled
from tests.proxy.waiting import turns
from trixter.faults import NO_FAULTS
from trixter.netem import faulty_network, open_connection, start_server


async def test_a_change_while_it_opens_counts(server: EchoServer) -> None:
    async with faulty_network({"*:*": STALLED}) as network:
        opening = asyncio.gather(asyncio.open_connection("127.0.0.1", server.port))
        await asyncio.sleep(0)
        network["*:*"] = NO_FAULTS
        ((reader, writer),) = await opening
        assert not await is_stalled(reader, writer, server)
        writer.transport.abort()


async def test_one_that_is_open_only_after_the_block_is_calm(server: EchoServer) -> None:
    async with faulty_network({"*:*": STALLED}):
        opening = asyncio.gather(asyncio.open_connection("127.0.0.1", server.port))
        await asyncio.sleep(0)
    ((reader, writer),) = await opening
    assert not await is_stalled(reader, writer, server)
    writer.transport.abort()


async def test_a_protocol_that_aborts_as_soon_as_it_can_is_not_listed(server: EchoServer) -> None:
    class Leaving(Noting):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transport.abort()

    loop, user = asyncio.get_running_loop(), Leaving()
    async with faulty_network({"*:*": NO_FAULTS}) as network:
        await loop.create_connection(lambda: user, "127.0.0.1", server.port)
        await turns()
        assert network.connections == []
    assert user.calls == ["made", "lost"]


@pytest.mark.parametrize("host", ["localhost", b"localhost", "LocalHost"])
async def test_a_name_is_recognised_however_it_is_looked_up(server: EchoServer, host: str | bytes) -> None:
    """AnyIO, and so httpx2, looks it up as bytes."""
    loop = asyncio.get_running_loop()
    async with faulty_network({f"localhost:{server.port}": STALLED}):
        found = await loop.getaddrinfo(host, server.port, family=2, type=1)
        reader, writer = await asyncio.open_connection(*found[0][4][:2])
        assert await is_stalled(reader, writer, server)
        writer.transport.abort()


async def test_a_connection_that_nobody_takes_is_refused_and_not_listed(anyio_backend: object) -> None:
    async with faulty_network({"*:*": STALLED}) as network:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", 1)
        assert network.connections == []


async def test_many_at_once_keep_their_bytes_apart_and_leave_nothing(server: EchoServer) -> None:
    async def talk(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        data = b"%d," % number * 100
        writer.write(data)
        assert await reader.readexactly(len(data)) == data
        writer.close()
        await writer.wait_closed()

    tasks = len(asyncio.all_tasks())
    async with faulty_network({"*:*": NO_FAULTS}) as network:
        await asyncio.gather(*[talk(number) for number in range(100)])
        await turns()
        assert network.connections == []
    assert len(asyncio.all_tasks()) == tasks


@pytest.mark.parametrize("option", ["ssl_handshake_timeout", "server_hostname"])
async def test_what_goes_with_tls_is_refused_without_it_as_asyncio_does(
    server: EchoServer, option: str
) -> None:
    options: Any = {option: 1}
    with pytest.raises(ValueError, match="only meaningful with ssl"):
        await open_connection("127.0.0.1", server.port, **options)


async def test_a_server_refuses_it_as_well(anyio_backend: object) -> None:
    with pytest.raises(ValueError, match="only meaningful with ssl"):
        await start_server(lambda reader, writer: None, "127.0.0.1", 0, ssl_handshake_timeout=1)
