"""Long jobs yield to the traffic: listings, and changes of all connections."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Awaitable
from itertools import count

import pytest
from starlette.types import Message

from tests.api.api_harness import ApiHarness
from tests.api.one_loop import anyio_backend as anyio_backend
from trixter.api.listing import TIME_SLICE_S, ChunkedJsonResponse, TimeSlice, listing
from trixter.faults import Direction, Faults, Latency


async def rounds_during(job: Awaitable[object]) -> int:
    """Do a job, and count how often another task ran meanwhile."""
    rounds = 0

    async def other() -> None:
        nonlocal rounds
        while True:
            await asyncio.sleep(0)
            rounds += 1

    async with asyncio.TaskGroup() as group:
        others = group.create_task(other(), name="other")
        await asyncio.sleep(0)
        await job
        others.cancel()
    return rounds


async def test_a_time_slice_is_over_after_its_time_and_the_collector_sees_what_it_made(
    anyio_backend: object,
) -> None:
    ticks = count()
    collections = gc.get_stats()[1]["collections"]
    time_slice = TimeSlice(clock=lambda: next(ticks) * TIME_SLICE_S / 8)

    async def job() -> None:
        for _ in range(100):
            await time_slice.checkpoint()

    assert await rounds_during(job()) == 100 // 8
    assert gc.get_stats()[1]["collections"] - collections >= 100 // 8


async def test_a_listing_of_ten_thousand_is_made_in_many_time_slices(harness: ApiHarness) -> None:
    connection = await harness.connect()
    answers = []

    async def job() -> None:
        answers.append(await listing([connection] * 10_000, lambda _: True))

    # No machine builds 10,000 statuses within ten milliseconds.
    assert await rounds_during(job()) >= 10
    (answer,) = answers
    assert len(json.loads(bytes(answer.body))) == 10_000


async def test_calls_for_all_yield_between_connections(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trixter.api.listing.TIME_SLICE_S", 0.0)
    calm = await rounds_during(harness.http.get("/connections"))
    for _ in range(10):
        await harness.connect()

    assert await rounds_during(harness.http.get("/connections")) >= calm + 10
    assert await rounds_during(harness.http.patch("/connections/_all/delay", json={"delay_ms": 1})) >= 10
    assert await rounds_during(harness.http.post("/connections/_all/shutdown", json={"reason": "x"})) >= 10


async def test_long_jobs_wait_for_each_other(harness: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trixter.api.listing.TIME_SLICE_S", 0.0)
    connections = [await harness.connect() for _ in range(5)]

    async with asyncio.TaskGroup() as group:
        for delay_ms in (1, 2, 3):
            group.create_task(harness.patch("/connections/_all/delay", {"delay_ms": delay_ms}), name="patch")

    faults = {connection.pipe(direction).faults for connection in connections for direction in Direction}
    assert faults == {Faults(Latency(delay_s=0.003))}


async def test_a_connection_that_ends_meanwhile_is_left_out(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trixter.api.listing.TIME_SLICE_S", 0.0)
    first, second, third = [await harness.connect() for _ in range(3)]
    live = list(harness.proxy.registry)
    second.close("meanwhile")

    answer = await listing(live, lambda _: True)

    assert [each["conn_info"]["id"] for each in json.loads(bytes(answer.body))] == [first.id, third.id]


async def test_a_large_answer_is_sent_in_pieces_with_a_pause_after_each(
    anyio_backend: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trixter.api.listing.SENT_BYTES", 10)
    body = b'["' + b"x" * 96 + b'"]'
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("it needs to know nothing")

    async def send(message: Message) -> None:
        sent.append(message)

    rounds = await rounds_during(ChunkedJsonResponse(bytearray(body))({"type": "http"}, receive, send))

    start, *pieces, end = sent
    assert (b"content-length", b"100") in start["headers"]
    assert b"".join(piece["body"] for piece in pieces) == body
    assert {len(piece["body"]) for piece in pieces} == {10}
    assert rounds >= 10
    assert end == {"type": "http.response.body", "body": b"", "more_body": False}
