"""In tests that freeze time, waits end as they do elsewhere, and traffic goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from freezegun import freeze_time

from tests.testing.echo import connect, say
from trixter.errors import WaitTimeout
from trixter.proxy.loop import loop_factory
from trixter.testing import AsyncChaosProxy, ChaosProxy, loop_thread

NOWHERE = "127.0.0.1:9"
LOOPS = {"the best": loop_factory(), "asyncio's": asyncio.new_event_loop}


@pytest.fixture(params=LOOPS.values(), ids=[*LOOPS], autouse=True)
def loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let proxies run on each loop there is."""
    new_loop: Callable[[], asyncio.AbstractEventLoop] = request.param
    monkeypatch.setattr(loop_thread, "loop_factory", lambda: new_loop)


def test_a_wait_in_vain_ends() -> None:
    with ChaosProxy(NOWHERE) as proxy, freeze_time("2020-01-01"):
        with pytest.raises(WaitTimeout):
            proxy.wait_for_connection(timeout_s=0.02)
        with pytest.raises(WaitTimeout):
            proxy.wait_for(lambda stats: stats.bytes_upstream, timeout_s=0.02)


def test_a_proxy_that_starts_in_frozen_time_waits_and_passes_bytes_on(echo: str) -> None:
    with freeze_time("2020-01-01"), ChaosProxy(echo) as proxy, connect(proxy) as client:
        with proxy.latency(0.001):
            assert say(client, b"hello") == b"hello"
        proxy.wait_for_connection()
        with pytest.raises(WaitTimeout):
            proxy.wait_for_no_connections(timeout_s=0.02)


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_an_async_wait_in_vain_ends(anyio_backend: str) -> None:
    async with AsyncChaosProxy(NOWHERE) as proxy:
        with freeze_time("2020-01-01"), pytest.raises(WaitTimeout):
            await proxy.wait_for_connection(timeout_s=0.02)
