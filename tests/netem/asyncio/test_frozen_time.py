"""In a test that freezes time, what faults hold leaves when it is due."""

from __future__ import annotations

import asyncio

import pytest
from freezegun import freeze_time

from tests.netem.asyncio.programs import EchoServer
from trixter.faults import Faults, Latency, Throttle
from trixter.monotonic import monotonic
from trixter.netem import faulty_network

FAULTS = [
    pytest.param(Latency(delay_s=0.01), id="latency"),
    pytest.param(Throttle(rate_bytes_per_s=100.0), id="throttle"),
]


@pytest.mark.parametrize("fault", FAULTS)
async def test_bytes_arrive_over_a_faulty_network(server: EchoServer, fault: Latency | Throttle) -> None:
    async with faulty_network({f"127.0.0.1:{server.port}": Faults(fault)}):
        with freeze_time("2020-01-01", real_asyncio=True):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            began_at = monotonic()
            writer.write(b"x")
            assert await reader.read(1) == b"x"
            assert monotonic() - began_at >= 0.02  # there and back
            writer.close()
            await writer.wait_closed()


# asyncio's own timers stand still with the time, unless real_asyncio is given.
@pytest.mark.parametrize("anyio_backend", [("asyncio", {"use_uvloop": True})])
async def test_on_uvloop_they_arrive_however_time_is_frozen(server: EchoServer) -> None:
    async with faulty_network({f"127.0.0.1:{server.port}": Faults(Latency(delay_s=0.01))}):
        with freeze_time("2020-01-01"):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"x")
            assert await reader.read(1) == b"x"
            writer.close()
            await writer.wait_closed()
