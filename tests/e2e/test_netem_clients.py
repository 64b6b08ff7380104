"""Unmodified clients over a faulty network: they wait, they fail as they do, and they recover."""

from __future__ import annotations

import asyncio

import aiohttp
import httpx2
import pytest
import redis.asyncio
import redis.exceptions
import websockets
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tests.e2e.http_programs import Stopwatch, http_server
from tests.e2e.upstreams import RedisServer
from trixter.faults import NO_FAULTS, Faults, Latency, Slice
from trixter.netem import faulty_network

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DELAY_S = 0.25
SLOW = Faults(Latency(delay_s=DELAY_S))


@pytest.mark.timing
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
            network[f"localhost:{port}"] = NO_FAULTS
            with Stopwatch() as stopwatch:
                assert await get() == "request 3"
            assert stopwatch.took_s < DELAY_S
            network[f"localhost:{port}"] = Faults(Latency(delay_s=30))
            failing = asyncio.gather(session.post(url, data=b"x"), return_exceptions=True)
            await asyncio.sleep(0.01)
            network.reset_all()
            (error,) = await failing
            assert isinstance(error, aiohttp.ClientConnectionError)
            network[f"localhost:{port}"] = NO_FAULTS
            assert await get() == "request 1"


@pytest.mark.timing
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_httpx_waits_fails_and_recovers(anyio_backend: object, host: str) -> None:
    async with http_server() as port, httpx2.AsyncClient(trust_env=False) as client:
        url, key = f"http://{host}:{port}/", f"{host}:{port}"
        async with faulty_network({key: SLOW}) as network:
            assert (await client.get(url)).text == "request 1"
            with Stopwatch() as stopwatch:
                assert (await client.get(url)).text == "request 2"
            assert 2 * DELAY_S <= stopwatch.took_s < 4 * DELAY_S
            network[key] = Faults(Latency(delay_s=30))
            failing = asyncio.gather(client.get(url), return_exceptions=True)
            await asyncio.sleep(0.01)
            network.reset_all()
            (error,) = await failing
            assert isinstance(error, httpx2.TransportError)
            network[key] = NO_FAULTS
            assert (await client.get(url)).text == "request 1"


async def test_redis_waits_fails_and_recovers(anyio_backend: object, redis_server: RedisServer) -> None:
    key = f"127.0.0.1:{redis_server.port}"
    client = redis.asyncio.Redis(
        host="127.0.0.1", port=redis_server.port, retry=Retry(NoBackoff(), 0), decode_responses=True
    )
    async with faulty_network({key: NO_FAULTS}) as network:
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
        network[key] = NO_FAULTS
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
            client = await websockets.connect(f"ws://127.0.0.1:{port}", proxy=None)
            await client.send("again")
            assert await client.recv() == "again"
            await client.close()
