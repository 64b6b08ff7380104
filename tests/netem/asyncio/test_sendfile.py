"""A file is sent through the faults, whichever way a program sends it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.netem.asyncio.programs import EchoServer, Noting
from tests.proxy.waiting import turns, until
from trixter.faults import NO_FAULTS, Faults, Slice, Terminate, Throttle
from trixter.netem import faulty_network, wrap_protocol_factory

SIZE_BYTES = 300_000
CONTENT = bytes(range(250)) * (SIZE_BYTES // 250)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of more than a transport buffers."""
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    return file


FAULTS = [
    pytest.param(NO_FAULTS, id="calm"),
    pytest.param(Faults(Slice(size_bytes=1000)), id="slice"),
    pytest.param(Faults(Throttle(rate_bytes_per_s=10e6)), id="throttle"),
]


@pytest.mark.parametrize("faults", FAULTS)
async def test_aiohttp_serves_a_file_from_beneath_faults(
    anyio_backend: object, file: Path, faults: Faults
) -> None:
    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        return web.FileResponse(file)

    app = web.Application()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    assert runner.server is not None
    factory = wrap_protocol_factory(runner.server, downstream=faults, is_server=True)
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with aiohttp.ClientSession() as session:
        for _ in range(2):  # the connection can be used again
            async with session.get(f"http://127.0.0.1:{port}/") as response:
                assert await response.read() == CONTENT
    server.close()
    await runner.cleanup()
    await turns()


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"debug": True})])
async def test_a_client_sends_a_file_and_reads_on(server: EchoServer, file: Path) -> None:
    loop = asyncio.get_running_loop()
    async with faulty_network({"*:*": Faults(Slice(size_bytes=1000))}):
        protocol = Noting()
        transport, _ = await loop.create_connection(lambda: protocol, "127.0.0.1", server.port)
        with file.open("rb") as opened:
            assert await loop.sendfile(transport, opened, 1000) == SIZE_BYTES - 1000
        await until(lambda: len(protocol.received) >= SIZE_BYTES - 1000)
        assert protocol.received == CONTENT[1000:]
        transport.abort()


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"debug": True})])
async def test_a_reset_ends_the_sending_of_a_file(server: EchoServer, file: Path) -> None:
    loop = asyncio.get_running_loop()
    server.is_mute = True
    async with faulty_network({"*:*": Faults(Throttle(rate_bytes_per_s=1.0))}) as network:
        protocol = Noting()
        transport, _ = await loop.create_connection(lambda: protocol, "127.0.0.1", server.port)
        with file.open("rb") as opened:
            sending = asyncio.gather(loop.sendfile(transport, opened), return_exceptions=True)
            await until(lambda: transport.get_write_buffer_size() > 0)
            network["*:*"] = Faults(Terminate(probability=1.0))
            network.reset_all()
            (error,) = await sending
        assert isinstance(error, ConnectionError)
        assert isinstance(protocol.lost, ConnectionResetError)
