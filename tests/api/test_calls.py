"""The effect of each call on live connections."""

from __future__ import annotations

import pytest

from tests.api.api_harness import ApiHarness
from tests.api.one_loop import anyio_backend as anyio_backend
from trixter.faults import (
    NO_FAULTS,
    Corrupt,
    CorruptMode,
    Direction,
    Fault,
    Faults,
    Freeze,
    Latency,
    Slice,
    Terminate,
    Throttle,
)
from trixter.proxy import EndReason

FAULTS: list[tuple[str, dict[str, object], Fault]] = [
    ("delay", {"delay_ms": 250}, Latency(delay_s=0.25)),
    ("delay", {"delay_ms": 250, "jitter_ms": 0.5}, Latency(delay_s=0.25, jitter_s=0.0005)),
    ("throttle", {"rate_bytes": 10240}, Throttle(rate_bytes_per_s=10240)),
    ("throttle", {"rate_bytes": 7, "queue_bytes": 8}, Throttle(rate_bytes_per_s=7, queue_bytes=8)),
    ("slice", {"size_bytes": 512}, Slice(size_bytes=512)),
    (
        "slice",
        {"size_bytes": 512, "variation_bytes": 100, "gap_ms": 1.5},
        Slice(size_bytes=512, variation_bytes=100, gap_s=0.0015),
    ),
    ("termination", {"probability_rate": 0.05}, Terminate(probability=0.05)),
    ("corruption", {"probability_rate": 0.01}, Corrupt(probability=0.01)),
    ("corruption", {"probability_rate": 1, "mode": "flip"}, Corrupt(probability=1.0, mode=CorruptMode.FLIP)),
    ("freeze", {"frozen": True}, Freeze(is_on=True)),
]


async def test_health_is_the_originals_plain_ok(harness: ApiHarness) -> None:
    answer = await harness.http.get("/health")

    assert (answer.status_code, answer.text) == (200, "ok")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(("stem", "body", "fault"), FAULTS)
async def test_a_patch_sets_the_fault_in_both_directions(
    harness: ApiHarness, stem: str, body: dict[str, object], fault: Fault
) -> None:
    connection = await harness.connect()

    answer = await harness.http.patch(f"/connections/{connection.id}/{stem}", json=body)

    assert (answer.status_code, answer.content) == (202, b"")
    assert "content-type" not in answer.headers
    assert {connection.pipe(direction).faults for direction in Direction} == {Faults(fault)}
    assert harness.proxy.defaults.upstream == NO_FAULTS


@pytest.mark.parametrize(
    ("direction", "upstream", "downstream"),
    [
        ("upstream", Faults(Throttle(rate_bytes_per_s=7)), NO_FAULTS),
        ("downstream", NO_FAULTS, Faults(Throttle(rate_bytes_per_s=7))),
        ("both", Faults(Throttle(rate_bytes_per_s=7)), Faults(Throttle(rate_bytes_per_s=7))),
    ],
)
async def test_a_direction_limits_it_to_that_direction(
    harness: ApiHarness, direction: str, upstream: Faults, downstream: Faults
) -> None:
    connection = await harness.connect()

    body = {"rate_bytes": 7, "direction": direction}
    assert await harness.patch(f"/connections/{connection.id}/throttle", body) == (202, None)

    assert connection.pipe(Direction.UPSTREAM).faults == upstream
    assert connection.pipe(Direction.DOWNSTREAM).faults == downstream


async def test_a_patch_leaves_the_other_faults_and_the_other_connections_alone(harness: ApiHarness) -> None:
    connection, other = await harness.connect(), await harness.connect()

    await harness.patch(f"/connections/{connection.id}/slice", {"size_bytes": 9})
    await harness.patch(f"/connections/{connection.id}/throttle", {"rate_bytes": 7})

    both = Faults(Slice(size_bytes=9), Throttle(rate_bytes_per_s=7))
    assert connection.pipe(Direction.UPSTREAM).faults == both
    assert other.pipe(Direction.UPSTREAM).faults == NO_FAULTS


async def test_a_body_describes_the_fault_whole(harness: ApiHarness) -> None:
    connection = await harness.connect()

    await harness.patch(f"/connections/{connection.id}/delay", {"delay_ms": 5, "jitter_ms": 3})
    await harness.patch(f"/connections/{connection.id}/delay", {"delay_ms": 9})

    assert connection.pipe(Direction.UPSTREAM).faults == Faults(Latency(delay_s=0.009))


async def test_zero_switches_it_off(harness: ApiHarness) -> None:
    connection = await harness.connect()

    await harness.patch(f"/connections/{connection.id}/delay", {"delay_ms": 5})
    await harness.patch(f"/connections/{connection.id}/delay", {"delay_ms": 0})

    assert connection.pipe(Direction.UPSTREAM).faults == NO_FAULTS


async def test_all_means_every_live_connection(harness: ApiHarness) -> None:
    connections = [await harness.connect() for _ in range(3)]

    assert await harness.patch("/connections/_all/delay", {"delay_ms": 5}) == (202, None)

    faults = [connection.pipe(direction).faults for connection in connections for direction in Direction]
    assert faults == [Faults(Latency(delay_s=0.005))] * 6
    assert len({id(each) for each in faults}) == 1, "one object serves them all"


@pytest.mark.parametrize(("stem", "body", "fault"), FAULTS)
async def test_all_is_accepted_when_there_is_none(
    harness: ApiHarness, stem: str, body: dict[str, object], fault: Fault
) -> None:
    assert await harness.patch(f"/connections/_all/{stem}", body) == (202, None)


async def test_shutdown_ends_the_connection_with_the_reason(harness: ApiHarness) -> None:
    connection, other = await harness.connect(), await harness.connect()

    answer = await harness.http.post(
        f"/connections/{connection.id}/shutdown", json={"reason": "test teardown"}
    )

    assert (answer.status_code, answer.content) == (202, b"")
    assert str(connection.end_reason) == "shutdown: test teardown"
    assert list(harness.proxy.registry) == [other]


async def test_false_ends_a_hold(harness: ApiHarness) -> None:
    connection = await harness.connect()

    await harness.patch(f"/connections/{connection.id}/freeze", {"frozen": True})
    await harness.patch(f"/connections/{connection.id}/freeze", {"frozen": False, "direction": "upstream"})

    assert connection.pipe(Direction.UPSTREAM).faults == NO_FAULTS
    assert connection.pipe(Direction.DOWNSTREAM).faults == Faults(Freeze(is_on=True))


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("id", ["live", "_all"])
async def test_a_shutdown_may_reset_both_sides_instead(harness: ApiHarness, id: str, reset: bool) -> None:
    connection = await harness.connect()

    path = f"/connections/{harness.id_of(id)}/shutdown"
    answer = await harness.http.post(path, json={"reason": "enough", "reset": reset})

    assert answer.status_code == 202
    assert connection.end_reason == EndReason("reset" if reset else "shutdown", "enough", reset=reset)
    assert await harness.receive_reset(connection) == reset


async def test_shutdown_of_all_ends_all(harness: ApiHarness) -> None:
    for _ in range(3):
        await harness.connect()

    answer = await harness.http.post("/connections/_all/shutdown", json={"reason": "enough"})

    assert answer.status_code == 202
    assert len(harness.proxy.registry) == 0
    assert harness.proxy.registry.ended == {"shutdown": 3}


async def test_a_connection_that_has_ended_is_not_found(harness: ApiHarness) -> None:
    connection = await harness.connect()
    connection.close("gone")

    answer = await harness.http.get(f"/connections/{connection.id}")

    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "connection not found", "code": "connection_not_found"},
    )


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "application/a+json"]
)
async def test_the_content_types_of_the_original_are_taken(harness: ApiHarness, content_type: str) -> None:
    headers = {"content-type": content_type}
    answer = await harness.http.patch("/connections/_all/delay", content=b'{"delay_ms": 1}', headers=headers)

    assert answer.status_code == 202


async def test_the_largest_number_of_the_original_is_taken(harness: ApiHarness) -> None:
    connection = await harness.connect()

    await harness.patch(f"/connections/{connection.id}/throttle", {"rate_bytes": 2**64 - 1})
    await harness.patch(f"/connections/{connection.id}/delay", {"delay_ms": 2**64 - 1})

    shown = (await harness.http.get(f"/connections/{connection.id}")).json()
    assert shown["throttle_rate"] == 2**64 - 1
    assert shown["delay"]["secs"] == pytest.approx((2**64 - 1) // 1000, abs=2)
