"""Changing what new connections start with."""

from __future__ import annotations

from tests.api.api_harness import ApiHarness
from tests.api.one_loop import anyio_backend as anyio_backend
from trixter.faults import NO_FAULTS, Direction, Faults, Freeze, Latency, Slice, Throttle
from trixter.proxy import Defaults


async def test_each_fault_goes_to_its_own_direction(harness: ApiHarness) -> None:
    body = {
        "delay": {"delay_ms": 10},
        "throttle": {"rate_bytes": 7, "direction": "upstream"},
        "slice": {"size_bytes": 9, "direction": "downstream"},
        "termination": {"probability_rate": 0},
        "corruption": {"probability_rate": 0},
        "freeze": {"frozen": True, "direction": "upstream"},
        "connection_duration_ms": 1500,
    }

    answer = await harness.http.patch("/defaults", json=body)

    assert (answer.status_code, answer.content) == (202, b"")
    assert harness.proxy.defaults == Defaults(
        upstream=Faults(Latency(delay_s=0.01), Throttle(rate_bytes_per_s=7), Freeze(is_on=True)),
        downstream=Faults(Latency(delay_s=0.01), Slice(size_bytes=9)),
        connection_duration_s=1.5,
    )


async def test_what_is_left_out_stays(harness: ApiHarness) -> None:
    harness.proxy.defaults = before = Defaults(upstream=Faults(Slice(size_bytes=9)), connection_duration_s=60)

    assert await harness.patch("/defaults", {}) == (202, None)
    assert harness.proxy.defaults == before

    assert await harness.patch("/defaults", {"delay": {"delay_ms": 10, "direction": "upstream"}}) == (
        202,
        None,
    )
    assert harness.proxy.defaults == Defaults(
        upstream=Faults(Slice(size_bytes=9), Latency(delay_s=0.01)), connection_duration_s=60
    )


async def test_only_connections_to_come_are_changed(harness: ApiHarness) -> None:
    before = await harness.connect()
    await harness.patch("/defaults", {"throttle": {"rate_bytes": 1_000_000}})
    after = await harness.connect()

    assert before.pipe(Direction.UPSTREAM).faults == NO_FAULTS
    assert after.pipe(Direction.UPSTREAM).faults == Faults(Throttle(rate_bytes_per_s=1_000_000))
