"""The proxy beside an async test: the same methods, awaited, on asyncio and on Trio."""

from __future__ import annotations

import asyncio
import threading

import anyio
import pytest

from trixter.errors import ConnectionNotFound, WaitTimeout
from trixter.faults import Direction, Faults, Latency
from trixter.profiles import find_profile
from trixter.proxy import Defaults
from trixter.testing import AsyncChaosProxy

SLOW = Faults(Latency(delay_s=0.001))


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> object:
    return request.param


async def connect(proxy: AsyncChaosProxy) -> anyio.abc.SocketStream:
    return await anyio.connect_tcp(proxy.host, proxy.port)


async def test_bytes_pass_and_are_counted(echo: str, anyio_backend: str) -> None:
    async with AsyncChaosProxy(echo) as proxy:
        async with await connect(proxy) as client:
            await client.send(b"hello")
            assert await client.receive() == b"hello"
            assert (await proxy.wait_for_connection()).info.forwarded_bytes[Direction.UPSTREAM] == 5
        await proxy.wait_for_no_connections()
    assert (await proxy.stats()).ended == {"closed": 1}


async def test_a_method_changes_all_connections_and_reverts_it(echo: str, anyio_backend: str) -> None:
    async with AsyncChaosProxy(echo) as proxy, await connect(proxy) as client:
        await client.send(b"hello")
        await client.receive()
        async with proxy.latency(0.001, direction="upstream"):
            assert await proxy.defaults() == Defaults(upstream=SLOW)
            assert (await proxy.connections())[0].info.faults[Direction.UPSTREAM] == SLOW
        assert await proxy.defaults() == Defaults()
        change = await proxy.profile("edge")
        assert (await proxy.defaults()).upstream == find_profile("edge").upstream
        await change.revert()
        assert await proxy.defaults() == Defaults()


async def test_a_proxy_that_refuses_refuses(echo: str, anyio_backend: str) -> None:
    async with AsyncChaosProxy(echo) as proxy:
        async with proxy.refuse():
            with pytest.raises(OSError, match=r"refused|connect"):
                await connect(proxy)
        await (await connect(proxy)).aclose()


async def test_one_connection_can_be_ended(echo: str, anyio_backend: str) -> None:
    async with AsyncChaosProxy(echo) as proxy, await connect(proxy) as client:
        connection = await proxy.wait_for_connection()
        await connection.reset()
        with pytest.raises(anyio.BrokenResourceError):
            await client.receive()
        with pytest.raises(ConnectionNotFound):
            await connection.clear()
        await proxy.reset_all()
        await proxy.close_all()


async def test_a_wait_in_vain_shows_the_counters(echo: str, anyio_backend: str) -> None:
    async with AsyncChaosProxy(echo) as proxy:
        with pytest.raises(WaitTimeout, match="0 open"):
            await proxy.wait_for_connection(timeout_s=0)
        with pytest.raises(WaitTimeout):
            await proxy.wait_for(lambda stats: stats.bytes_upstream, timeout_s=0.001)


async def test_faults_are_reverted_and_the_proxy_closes_when_the_test_is_cancelled(
    echo: str, anyio_backend: str
) -> None:
    proxy = AsyncChaosProxy(echo)
    with anyio.CancelScope() as scope:
        async with proxy, await connect(proxy), proxy.latency(0.001):
            scope.cancel()
            await anyio.sleep_forever()
    assert await proxy.defaults() == Defaults()
    await proxy.close()


async def test_it_ends_also_when_the_body_is_interrupted(echo: str, anyio_backend: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        async with AsyncChaosProxy(echo) as proxy, await connect(proxy):
            raise KeyboardInterrupt


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_one_that_is_cancelled_while_it_ends_ends_all_the_same(echo: str, anyio_backend: str) -> None:
    # Only asyncio has a cancelling that no shield holds off.
    proxy = AsyncChaosProxy(echo)
    await proxy.start()
    closing = asyncio.get_running_loop().create_task(proxy.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    await proxy.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "trixter"]
