"""Several faults of one kind on a connection, told apart by their names."""

from __future__ import annotations

from typing import Any

from tests.api.api_harness import ApiHarness
from tests.api.one_loop import anyio_backend as anyio_backend
from trixter.faults import NO_FAULTS, Direction, Faults, Latency

BASE, SPIKE = Latency(delay_s=0.1), Latency(delay_s=2, name="spike")


async def delay(harness: ApiHarness, **body: Any) -> list[Faults]:
    """Set one delay of the only connection, and return its faults in both directions."""
    assert await harness.patch("/connections/_all/delay", body) == (202, None)
    [connection] = harness.proxy.registry
    return [connection.pipe(direction).faults for direction in Direction]


async def test_a_fault_with_a_name_stands_beside_the_others_of_its_kind(harness: ApiHarness) -> None:
    await harness.connect()
    await delay(harness, delay_ms=100)
    shorter = Latency(delay_s=1, name="spike")
    assert await delay(harness, delay_ms=1000, name="spike") == [Faults(BASE, shorter)] * 2
    assert await delay(harness, delay_ms=2000, name="spike") == [Faults(BASE, SPIKE)] * 2
    assert await delay(harness, delay_ms=0, name="spike", direction="upstream") == [
        Faults(BASE),
        Faults(BASE, SPIKE),
    ]


async def test_a_fault_without_a_name_takes_the_place_of_all_of_its_kind(harness: ApiHarness) -> None:
    await harness.connect()
    await delay(harness, delay_ms=2000, name="spike")
    assert await delay(harness, delay_ms=100) == [Faults(BASE)] * 2
    await delay(harness, delay_ms=2000, name="spike")
    assert await delay(harness, delay_ms=0) == [NO_FAULTS] * 2


async def test_the_originals_fields_show_what_they_come_to_and_each_is_listed(harness: ApiHarness) -> None:
    await harness.connect()
    await delay(harness, delay_ms=100)
    await delay(harness, delay_ms=2000, name="spike")
    [shown] = (await harness.http.get("/connections")).json()
    assert shown["delay"] == {"secs": 2, "nanos": 100_000_000}
    assert shown["faults"]["upstream"] == {
        "delay": {"delay_ms": 100, "jitter_ms": 0},
        "more": {"delay": [{"delay_ms": 2000, "jitter_ms": 0, "name": "spike"}]},
    }


async def test_defaults_have_names_too(harness: ApiHarness) -> None:
    for body in ({"delay_ms": 100}, {"delay_ms": 2000, "name": "spike", "direction": "downstream"}):
        assert await harness.patch("/defaults", {"delay": body}) == (202, None)
    assert harness.proxy.defaults.upstream == Faults(BASE)
    assert harness.proxy.defaults.downstream == Faults(BASE, SPIKE)
    shown = (await harness.http.get("/defaults")).json()
    assert shown["downstream"]["more"] == {"delay": [{"delay_ms": 2000, "jitter_ms": 0, "name": "spike"}]}
    assert "more" not in shown["upstream"]
