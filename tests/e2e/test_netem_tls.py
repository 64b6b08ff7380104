"""TLS runs on top of the faults, as on a real network: they meet its records, not the plain bytes."""

from __future__ import annotations

import asyncio
import ssl

import aiohttp
import httpx2
import pytest

from tests.e2e.http_programs import Stopwatch, http_server
from tests.netem.asyncio.conftest import certificate, its_side, our_side
from trixter.faults import Faults, Latency, Slice
from trixter.netem import faulty_network, open_connection

__all__ = ["certificate", "its_side", "our_side"]  # fixtures

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DELAY_S = 0.25
SLOW = Faults(Latency(delay_s=DELAY_S))
SLICED = Faults(Slice(size_bytes=7), Latency(delay_s=0.001))


async def test_aiohttp_over_tls_waits_fails_and_recovers(
    anyio_backend: object, its_side: ssl.SSLContext, our_side: ssl.SSLContext
) -> None:
    async with http_server(its_side) as port, aiohttp.ClientSession() as session:
        url, key = f"https://localhost:{port}/", f"localhost:{port}"

        async def get() -> str:
            async with session.get(url, ssl=our_side) as answer:
                return await answer.text()

        async with faulty_network({key: SLOW}) as network:
            with Stopwatch() as stopwatch:
                assert await get() == "request 1"
            assert stopwatch.took_s >= 4 * DELAY_S  # there and back for the handshake, and for the request
            network[key] = Faults(Latency(delay_s=30))
            failing = asyncio.gather(session.post(url, ssl=our_side, data=b"x"), return_exceptions=True)
            await asyncio.sleep(0.01)
            network.reset_all()
            (error,) = await failing
            assert isinstance(error, aiohttp.ClientConnectionError)
            network[key] = SLICED
            assert await get() == "request 1"


async def test_httpx_over_tls_waits_fails_and_recovers(
    anyio_backend: object, its_side: ssl.SSLContext, our_side: ssl.SSLContext
) -> None:
    async with (
        http_server(its_side) as port,
        httpx2.AsyncClient(trust_env=False, verify=our_side) as client,
    ):
        url, key = f"https://localhost:{port}/", f"localhost:{port}"
        async with faulty_network({key: SLOW}) as network:
            with Stopwatch() as stopwatch:
                assert (await client.get(url)).text == "request 1"
            assert stopwatch.took_s >= 4 * DELAY_S
            network[key] = Faults(Latency(delay_s=30))
            failing = asyncio.gather(client.get(url), return_exceptions=True)
            await asyncio.sleep(0.01)
            network.reset_all()
            (error,) = await failing
            assert isinstance(error, httpx2.TransportError)
            network[key] = SLICED
            assert (await client.get(url)).text == "request 1"


async def test_tls_runs_on_top_of_the_faults(
    anyio_backend: object, its_side: ssl.SSLContext, our_side: ssl.SSLContext
) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    sliced = Faults(Slice(size_bytes=7), Latency(delay_s=DELAY_S))
    async with await asyncio.start_server(echo, "127.0.0.1", 0, ssl=its_side) as server:
        port = server.sockets[0].getsockname()[1]
        with Stopwatch() as stopwatch:
            reader, writer = await open_connection(
                "127.0.0.1", port, upstream=sliced, ssl=our_side, server_hostname="localhost"
            )
        assert stopwatch.took_s >= DELAY_S  # the handshake is late, too
        writer.write(b"secret" * 100)
        assert await reader.readexactly(600) == b"secret" * 100
        writer.close()
        async with faulty_network({"127.0.0.1:*": SLOW}):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=our_side, server_hostname="localhost"
            )
            writer.write(b"again")
            assert await reader.readexactly(5) == b"again"
            writer.close()


async def test_tls_that_starts_in_the_middle_runs_on_top_of_the_faults(
    anyio_backend: object, its_side: ssl.SSLContext, our_side: ssl.SSLContext
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(8))
        await writer.start_tls(its_side)
        writer.write(await reader.readexactly(6))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with faulty_network({"127.0.0.1:*": Faults(Slice(size_bytes=7), Latency(delay_s=0.001))}):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"STARTTLS")
            assert await reader.readexactly(8) == b"STARTTLS"
            await writer.start_tls(our_side, server_hostname="localhost")
            writer.write(b"secret")
            assert await reader.readexactly(6) == b"secret"
            writer.close()
