"""The shown form of connections and defaults."""

from __future__ import annotations

import pytest

from tests.api.api_harness import ApiHarness, new_harness
from tests.api.one_loop import anyio_backend as anyio_backend
from trixter.api.schemas import Duration
from trixter.api.status import describe, status_of
from trixter.faults import (
    CATALOGUE,
    NO_FAULTS,
    Corrupt,
    CorruptMode,
    Direction,
    Faults,
    Freeze,
    Latency,
    Slice,
    Terminate,
    Throttle,
)
from trixter.proxy import Defaults
from trixter.units import Seconds

ZEROS: dict[str, dict[str, object]] = {
    "delay": {"delay_ms": 0, "jitter_ms": 0},
    "throttle": {"rate_bytes": 0},
    "slice": {"size_bytes": 0, "variation_bytes": 0, "gap_ms": 0},
    "termination": {"probability_rate": 0.0},
    "corruption": {"probability_rate": 0.0, "mode": "insert"},
    "freeze": {"frozen": False},
}
ZEROS |= {each.stem: each.to_json(each.kind()) for each in CATALOGUE if each.stem not in ZEROS}


async def test_no_connections_are_an_empty_list(harness: ApiHarness) -> None:
    answer = await harness.http.get("/connections")

    assert (answer.status_code, answer.text) == (200, "[]")
    assert answer.headers["content-type"] == "application/json"


async def test_a_calm_connection_looks_as_in_the_original_and_then_some(harness: ApiHarness) -> None:
    connection = await harness.connect()

    (shown,) = (await harness.http.get("/connections")).json()

    assert list(shown.items())[:6] == [
        (
            "conn_info",
            {"id": connection.id, "downstream": connection.client, "upstream": str(harness.proxy.upstream)},
        ),
        ("delay", {"secs": 0, "nanos": 0}),
        ("throttle_rate", 0),
        ("slice_size", 0),
        ("terminate_probability_rate", 0.0),
        ("corrupt_probability_rate", 0.0),
    ]
    assert shown["bytes"] == {"upstream": 1, "downstream": 1}
    assert shown["held_bytes"] == {"upstream": 0, "downstream": 0}
    assert shown["faults"] == {"upstream": {}, "downstream": {}}
    assert shown["age_ms"] >= 0


async def test_the_queue_of_a_throttle_is_shown_if_it_was_set(harness: ApiHarness) -> None:
    connection = await harness.connect()
    for direction, queue_bytes in zip(Direction, (0, 9), strict=True):
        throttle = Throttle(rate_bytes_per_s=7, queue_bytes=queue_bytes)
        connection.pipe(direction).faults = Faults(throttle)

    shown = (await harness.http.get(f"/connections/{connection.id}")).json()["faults"]

    assert shown["upstream"]["throttle"] == {"rate_bytes": 7}
    assert shown["downstream"]["throttle"] == {"rate_bytes": 7, "queue_bytes": 9}


async def test_the_originals_numbers_are_written_as_it_writes_them(harness: ApiHarness) -> None:
    connection = await harness.connect()
    for direction in Direction:
        connection.pipe(direction).faults = Faults(
            Latency(delay_s=2.5),
            Throttle(rate_bytes_per_s=10240),
            Slice(size_bytes=512),
            Terminate(probability=0.05),
            Corrupt(probability=0.02),
        )

    text = (await harness.http.get(f"/connections/{connection.id}")).text

    assert (
        '"delay":{"secs":2,"nanos":500000000},"throttle_rate":10240,"slice_size":512,'
        '"terminate_probability_rate":0.05,"corrupt_probability_rate":0.02,'
    ) in text


async def test_the_originals_fields_show_the_greater_of_two_directions(harness: ApiHarness) -> None:
    connection = await harness.connect()
    connection.pipe(Direction.UPSTREAM).faults = Faults(
        Latency(delay_s=1), Slice(size_bytes=5), Corrupt(probability=0.5)
    )
    connection.pipe(Direction.DOWNSTREAM).faults = Faults(
        Latency(delay_s=3), Throttle(rate_bytes_per_s=9), Terminate(probability=1e-9)
    )

    status = status_of(connection)

    assert (status.delay, status.throttle_rate, status.slice_size) == (Duration(3, 0), 9, 5)
    assert (status.terminate_probability_rate, status.corrupt_probability_rate) == (1e-9, 0.5)


async def test_a_direction_lists_what_is_on_and_nothing_else(harness: ApiHarness) -> None:
    connection = await harness.connect()
    await harness.patch(f"/connections/{connection.id}/delay", {"delay_ms": 9, "direction": "upstream"})
    body = {"probability_rate": 0.5, "mode": "flip", "direction": "downstream"}
    await harness.patch(f"/connections/{connection.id}/corruption", body)

    shown = (await harness.http.get(f"/connections/{connection.id}")).json()

    assert shown["faults"] == {
        "upstream": {"delay": {"delay_ms": 9, "jitter_ms": 0}},
        "downstream": {"corruption": {"probability_rate": 0.5, "mode": "flip"}},
    }


async def test_a_freeze_is_shown_as_one(harness: ApiHarness) -> None:
    connection = await harness.connect()
    connection.pipe(Direction.DOWNSTREAM).faults = Faults(Freeze(is_on=True))

    shown = (await harness.http.get(f"/connections/{connection.id}")).json()

    assert shown["faults"] == {"upstream": {}, "downstream": {"freeze": {"frozen": True}}}


async def test_bytes_that_are_held_are_counted(harness: ApiHarness) -> None:
    connection = await harness.connect()
    connection.pipe(Direction.UPSTREAM).faults = Faults(Latency(delay_s="1h"))

    await harness.send_until_held(connection)

    shown = (await harness.http.get(f"/connections/{connection.id}")).json()
    assert shown["held_bytes"]["upstream"] > 0
    assert shown["held_bytes"]["downstream"] == 0


async def test_connections_are_listed_oldest_first(harness: ApiHarness) -> None:
    ids = [(await harness.connect()).id for _ in range(5)]

    for path in ("/connections", "/connections/_all"):
        shown = (await harness.http.get(path)).json()
        assert [each["conn_info"]["id"] for each in shown] == ids


async def test_one_connection_looks_as_it_does_in_the_list(harness: ApiHarness) -> None:
    connection = await harness.connect()

    (listed,) = (await harness.http.get("/connections")).json()
    shown = (await harness.http.get(f"/connections/{connection.id}")).json()

    assert shown | {"age_ms": 0} == listed | {"age_ms": 0}


async def test_a_head_is_answered_like_a_get(harness: ApiHarness) -> None:
    answer = await harness.http.head("/connections")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "2"


@pytest.mark.parametrize(
    ("seconds", "secs", "nanos"),
    [(0.0, 0, 0), (0.29, 0, 290_000_000), (1e-9, 0, 1), (0.9999999999, 1, 0), ("3600.001s", 3600, 1_000_000)],
)
async def test_a_delay_is_split_into_seconds_and_nanoseconds(
    harness: ApiHarness, seconds: Seconds, secs: int, nanos: int
) -> None:
    connection = await harness.connect()
    connection.pipe(Direction.UPSTREAM).faults = Faults(Latency(delay_s=seconds))

    assert status_of(connection).delay == Duration(secs, nanos)


@pytest.mark.parametrize(("seconds", "ms"), [(0.29, "290"), (1, "1000"), (0.0005, "0.5"), (1e-9, "0.000001")])
def test_milliseconds_are_whole_where_they_can_be(seconds: float, ms: str) -> None:
    shown = describe(Faults(Latency(delay_s=seconds))).everything.delay.delay_ms

    assert f"{shown:.6f}".rstrip("0").rstrip(".") == ms
    assert isinstance(shown, int) == ("." not in ms)


async def test_a_rate_below_one_does_not_look_like_none(harness: ApiHarness) -> None:
    connection = await harness.connect()
    connection.pipe(Direction.UPSTREAM).faults = Faults(Throttle(rate_bytes_per_s=0.25))

    status = status_of(connection)

    assert status.throttle_rate == 1
    assert status.faults.upstream == describe(connection.pipe(Direction.UPSTREAM).faults).on


async def test_calm_defaults_are_all_zero(harness: ApiHarness) -> None:
    shown = (await harness.http.get("/defaults")).json()

    assert shown == {"upstream": ZEROS, "downstream": ZEROS, "connection_duration_ms": 0}


async def test_defaults_are_shown_for_each_direction(anyio_backend: object) -> None:
    faults = Faults(Latency(delay_s=0.25, jitter_s=0.01), Corrupt(probability=1, mode=CorruptMode.FLIP))
    async with new_harness(Defaults(upstream=faults, connection_duration_s=1.5)) as harness:
        shown = (await harness.http.get("/defaults")).json()

    corruption = {"probability_rate": 1.0, "mode": "flip"}
    assert shown == {
        "upstream": ZEROS | {"delay": {"delay_ms": 250, "jitter_ms": 10}, "corruption": corruption},
        "downstream": ZEROS,
        "connection_duration_ms": 1500,
    }


def test_calm_is_described_by_zeros() -> None:
    assert describe(NO_FAULTS).originals == (0, 0, 0, 0, 0)
