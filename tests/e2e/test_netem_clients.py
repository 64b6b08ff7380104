"""Unmodified clients over a faulty network: they wait, they fail as they do, and they recover."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import httpx2
import pytest
import redis.asyncio
import redis.exceptions
import websockets
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tests.e2e.upstreams import RedisServer
from trixter.faults import CALM, Faults, Latency, Slice
from trixter.netem import faulty_network, open_connection

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DELAY_S = 0.05
SLOW = Faults(Latency(delay_s=DELAY_S))


@asynccontextmanager
async def http_server() -> AsyncIterator[int]:
    """Serve HTTP/1.1, and count the requests of each connection in the answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        count = 0
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                count += 1
                body = b"request %d" % count
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


class Stopwatch:
    """Take the time of a block."""

    def __enter__(self) -> Stopwatch:
        self._since = time.monotonic()
        return self

    def __exit__(self, *exc: object) -> None:
        self.took_s = time.monotonic() - self._since


async def test_aiohttp_waits_fails_and_recovers(anyio_backend: object) -> None:
    async with http_server() as port, aiohttp.ClientSession() as session:
        url = f"http://localhost:{port}/"

        async def get() -> str:
            async with session.get(url) as answer:
                return await answer.text()

        async with faulty_network({f"localhost:{port}": SLOW}) as network:
            assert await get() == "request 1"
            with Stopwatch() as stopwatch:
                assert await get() == "request 2"
            assert stopwatch.took_s >= 2 * DELAY_S
            network[f"localhost:{port}"] = CALM
            with Stopwatch() as stopwatch:
                assert await get() == "request 3"
            assert stopwatch.took_s < DELAY_S
            network[f"localhost:{port}"] = Faults(Latency(delay_s=30))
            failing = asyncio.gather(session.post(url, data=b"x"), return_exceptions=True)
            await asyncio.sleep(0.01)
            network.reset_all()
            (error,) = await failing
            assert isinstance(error, aiohttp.ClientConnectionError)
            network[f"localhost:{port}"] = CALM
            assert await get() == "request 1"


async def test_httpx_waits_fails_and_recovers(anyio_backend: object) -> None:
    async with http_server() as port, httpx2.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{port}/"
        async with faulty_network({f"127.0.0.1:{port}": SLOW}) as network:
            assert (await client.get(url)).text == "request 1"
            with Stopwatch() as stopwatch:
                assert (await client.get(url)).text == "request 2"
            assert 2 * DELAY_S <= stopwatch.took_s < 4 * DELAY_S
            network[f"127.0.0.1:{port}"] = Faults(Latency(delay_s=30))
            failing = asyncio.gather(client.get(url), return_exceptions=True)
            await asyncio.sleep(0.01)
            network.reset_all()
            (error,) = await failing
            assert isinstance(error, httpx2.TransportError)
            network[f"127.0.0.1:{port}"] = CALM
            assert (await client.get(url)).text == "request 1"


async def test_redis_waits_fails_and_recovers(anyio_backend: object, redis_server: RedisServer) -> None:
    key = f"127.0.0.1:{redis_server.port}"
    client = redis.asyncio.Redis(
        host="127.0.0.1", port=redis_server.port, retry=Retry(NoBackoff(), 0), decode_responses=True
    )
    async with faulty_network({key: CALM}) as network:
        await client.set("answer", "42")
        network[key] = SLOW
        with Stopwatch() as stopwatch:
            assert await client.get("answer") == "42"
        assert stopwatch.took_s >= 2 * DELAY_S
        network[key] = Faults(Latency(delay_s=30))
        failing = asyncio.gather(client.get("answer"), return_exceptions=True)
        await asyncio.sleep(0.01)
        network.reset_all()
        (error,) = await failing
        assert isinstance(error, redis.exceptions.ConnectionError)
        network[key] = CALM
        assert await client.get("answer") == "42"
        await client.aclose()


async def test_websockets_talk_in_slices_wait_and_fail(anyio_backend: object) -> None:
    async def echo(connection: websockets.ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async with websockets.serve(echo, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with faulty_network({"127.0.0.1:*": Faults(Slice(size_bytes=1))}) as network:
            client = await websockets.connect(f"ws://127.0.0.1:{port}", proxy=None)
            await client.send("hello" * 100)
            assert await client.recv() == "hello" * 100
            network["127.0.0.1:*"] = SLOW
            with Stopwatch() as stopwatch:
                await client.send("slow")
                assert await client.recv() == "slow"
            assert stopwatch.took_s >= 2 * DELAY_S
            network.reset_all()
            with pytest.raises(websockets.ConnectionClosedError):
                await client.recv()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Make a certificate for localhost; return its file, and that of its key."""
    folder = tmp_path_factory.mktemp("tls")
    files = str(folder / "certificate.pem"), str(folder / "key.pem")
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *names]
    subprocess.run([*command, "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


async def test_tls_runs_on_top_of_the_faults(anyio_backend: object, certificate: tuple[str, str]) -> None:
    its_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    its_side.load_cert_chain(*certificate)
    our_side = ssl.create_default_context(cafile=certificate[0])

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
    anyio_backend: object, certificate: tuple[str, str]
) -> None:
    its_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    its_side.load_cert_chain(*certificate)
    our_side = ssl.create_default_context(cafile=certificate[0])

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
