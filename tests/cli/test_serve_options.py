"""Options of the command: each of those about the proxy reaches the proxy."""

from __future__ import annotations

import pytest

from trixter.cli.options import FaultFlags, Options
from trixter.cli.serve import Service
from trixter.faults import Latency
from trixter.proxy import Proxy
from trixter.proxy.tuning import Tuning

# Of every flag another value than its default.
ODD = Options(
    listen="127.0.0.1:0",
    upstream="127.0.0.1:1",
    faults=FaultFlags({"delay_ms": 3}),
    connection_duration_ms=4000,
    buffer_limit_bytes=5001,
    total_limit_bytes=6001,
    socket_buffer_bytes=7001,
    connect_timeout_ms=8001,
    keepalive_ms=9000,
    idle_timeout_ms=10_001,
    on_unreachable="reset",
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def started(options: Options) -> Proxy:
    service = Service(options, seed=42)
    service.bind()
    await service.start()
    await service.stop()
    return service.proxy


async def test_every_flag_about_the_proxy_reaches_it(anyio_backend: str) -> None:
    proxy = await started(ODD)
    assert proxy.tuning == Tuning(
        buffer_limit_bytes=5001,
        socket_buffer_bytes=7001,
        connect_timeout_s=8.001,
        keepalive_s=9.0,
        idle_timeout_s=10.001,
        reset_unreachable=True,
    )
    assert proxy.context.memory.total_bytes == 6001
    assert proxy.defaults.connection_duration_s == 4.0
    assert proxy.defaults.upstream.find(Latency) == Latency(delay_s=0.003)
    assert proxy.dice.branch("x").between(0, 2**64) == _dice(42)


async def test_what_reaches_the_proxy_reaches_its_connections(anyio_backend: str) -> None:
    proxy = await started(ODD)
    assert proxy.buffer_limit_bytes == 5001
    assert proxy.idle_timeout_s == 10.001
    assert proxy.dial_target.timeout_s == 8.001
    assert proxy.dial_target.reset_on_failure
    assert proxy.dial_target.options == proxy.tuning.socket_options


def _dice(seed: int) -> int:
    from trixter.faults import Dice

    return Dice(seed).branch("x").between(0, 2**64)
