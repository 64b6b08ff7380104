"""The types of a user's tests: what type checkers accept, and the mistakes that they find.

The checks are those of ``make types``: an ``ignore`` that hides no mistake fails there.
"""

from __future__ import annotations

import socket
from datetime import timedelta
from http.server import HTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from trixter import AsyncClient, Client
    from trixter.faults import CorruptMode, Direction, Latency, Slice, Throttle
    from trixter.testing import AsyncChaosProxy, Chaos, ChaosProxy

    @pytest.mark.chaos(profile=["3g", "satellite"], direction="upstream")
    def test_of_a_user(chaos: Chaos, server: HTTPServer, listening: socket.socket) -> None:
        proxy: ChaosProxy = chaos.proxy(8080, latency="100ms", profile="3g", direction="upstream")
        chaos.proxy(("127.0.0.1", 8080), throttle="1mbit", idle_timeout_s="5min", connection_duration=9)
        chaos.proxy(server.server_address, faults=Latency(delay_s=timedelta(seconds=1), jitter_s=0.1))
        also: AsyncChaosProxy = chaos.async_proxy(listening, freeze=True, slice=16)
        for client in (proxy, Client("127.0.0.1:8888", timeout_s="2s")):
            with client.latency("250ms", jitter_s=timedelta(milliseconds=5), direction="upstream"):
                client.corrupt(0.5, mode="flip", direction=Direction.DOWNSTREAM)
                client.corrupt(0.5, mode=CorruptMode.FLIP)
                client.throttle(1000).revert()
                client.wait_for_connection("2s").latency(0.1)

        delay_s: float = Latency(delay_s="250ms").delay_s + Slice(size_bytes=1, gap_s="1ms").gap_s
        rate_bytes_per_s: float = Throttle(rate_bytes_per_s="1mbit").rate_bytes_per_s
        print(delay_s, rate_bytes_per_s, also.address)

    async def test_of_an_async_user(chaos: Chaos, client: AsyncClient) -> None:
        async with chaos.async_proxy("127.0.0.1:8080").latency("250ms"), client.throttle("64KiB/s"):
            await client.connection_duration("2min")
        async for network in chaos.sweep(8080, direction="upstream", also="the retry"):
            async with network as proxy:
                await proxy.latency("250ms")

    def test_with_mistakes(chaos: Chaos) -> None:
        proxy = chaos.proxy(8080)
        proxy.latency(0.1, direction="sideways")  # type: ignore[arg-type]
        proxy.corrupt(0.1, mode="swap")  # type: ignore[arg-type]
        proxy.bandwidth(1000)  # type: ignore[attr-defined]
        chaos.proxy(8080, latenzy=1)  # type: ignore[call-arg]
        chaos.proxy(8080, latency=b"1s")  # type: ignore[arg-type]
        chaos.proxy(8080, direction="sideways")  # type: ignore[arg-type]
        Latency(delay_s=[1])  # type: ignore[arg-type]
