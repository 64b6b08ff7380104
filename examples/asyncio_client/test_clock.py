"""The clock on a bad network. AnyIO's pytest plugin runs the tests; so could pytest-asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from clock import Clock

from trixter.testing import AsyncChaosProxy, Chaos

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def tell_the_time(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.readline():
            writer.write(b"noon\n")
    except ConnectionError:
        pass
    finally:
        writer.close()


@pytest.fixture
async def network(chaos: Chaos) -> AsyncIterator[AsyncChaosProxy]:
    async with await asyncio.start_server(tell_the_time, "127.0.0.1", 0) as server:
        yield chaos.async_proxy(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")


@pytest.fixture
async def clock(network: AsyncChaosProxy) -> AsyncIterator[Clock]:
    clock = Clock(network.host, network.port)
    yield clock
    await clock.close()


async def test_it_waits_for_a_late_answer(clock: Clock, network: AsyncChaosProxy) -> None:
    async with network.latency(0.050):
        assert await clock.now() == "noon"


async def test_it_keeps_its_connection(clock: Clock, network: AsyncChaosProxy) -> None:
    assert [await clock.now(), await clock.now()] == ["noon", "noon"]
    assert (await network.stats()).connections_accepted == 1


async def test_after_a_reset_it_connects_again(clock: Clock, network: AsyncChaosProxy) -> None:
    assert await clock.now() == "noon"
    await (await network.connections())[0].reset()
    assert await clock.now() == "noon"


async def test_it_gives_up_at_its_deadline(network: AsyncChaosProxy) -> None:
    impatient = Clock(network.host, network.port, deadline_s=0.05)
    async with network.freeze():
        with pytest.raises(TimeoutError):
            await impatient.now()
    await impatient.close()
