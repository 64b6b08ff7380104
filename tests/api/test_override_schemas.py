"""Overrides over the API: one request applies, one reverts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.api_harness import ApiHarness
from tests.api.one_loop import anyio_backend as anyio_backend
from trixter.faults import NO_FAULTS, Faults, Latency, LoseAnswer, Slice, Throttle
from trixter.proxy import Availability, Defaults

SLOW = Faults(Latency(delay_s=0.25))


async def add(harness: ApiHarness, body: dict[str, Any]) -> str:
    answer = await harness.http.post("/overrides", json=body)
    assert answer.status_code == 201, answer.text
    (id,) = answer.json().values()
    return str(id)


async def test_it_holds_for_live_connections_and_those_to_come_until_it_is_deleted(
    harness: ApiHarness,
) -> None:
    await harness.connect()
    id = await add(harness, {"both": {"delay": {"delay_ms": 250}}})
    assert harness.faults() == [(SLOW, SLOW)] * 2
    answer = await harness.http.delete(f"/overrides/{id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert harness.faults() == [(NO_FAULTS, NO_FAULTS)] * 2
    answer = await harness.http.delete(f"/overrides/{id}")
    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "override not found", "code": "override_not_found"},
    )


async def test_overrides_are_deleted_in_any_order(harness: ApiHarness) -> None:
    first = await add(harness, {"upstream": {"delay": {"delay_ms": 100}}})
    second = await add(harness, {"upstream": {"delay": {"delay_ms": 250}}})
    await harness.http.delete(f"/overrides/{first}")
    assert harness.faults() == [(SLOW, NO_FAULTS)]
    await harness.http.delete(f"/overrides/{second}")
    assert harness.faults() == [(NO_FAULTS, NO_FAULTS)]


async def test_a_direction_of_its_own_is_on_top_of_both(harness: ApiHarness) -> None:
    body = {
        "both": {"delay": {"delay_ms": 1}, "slice": {"size_bytes": 9}},
        "upstream": {"delay": {"delay_ms": 250}},
    }
    await add(harness, body)
    ((up, down),) = harness.faults()
    assert up == Faults(Latency(delay_s=0.25), Slice(size_bytes=9))
    assert down == Faults(Latency(delay_s=0.001), Slice(size_bytes=9))


async def test_a_fault_of_one_direction_is_set_in_that_one_and_shown_there(harness: ApiHarness) -> None:
    lost = {"probability_rate": 0.1, "answer_bytes": 3, "silence": True}
    await add(harness, {"both": {"lose_answer": lost, "delay": {"delay_ms": 250}}})
    fault = LoseAnswer(probability=0.1, answer_bytes=3, silence=True)
    assert harness.faults() == [(SLOW, Faults(*SLOW, fault))]
    (shown,) = (await harness.http.get("/overrides")).json()
    assert ("lose_answer" in shown["upstream"], shown["downstream"]["lose_answer"]) == (False, lost)
    answer = await harness.http.post("/overrides", json={"upstream": {"lose_answer": lost}})
    assert (answer.status_code, answer.json()["error"]) == (
        422,
        "direction must be 'downstream' for lose_answer",
    )


async def test_clear_takes_away_what_is_not_named(harness: ApiHarness) -> None:
    await harness.patch("/defaults", {"slice": {"size_bytes": 9}, "delay": {"delay_ms": 1}})
    id = await add(harness, {"both": {"clear": True, "delay": {"delay_ms": 250}}})
    assert harness.faults() == [(SLOW, SLOW)]
    await harness.http.delete(f"/overrides/{id}")
    assert harness.proxy.defaults.upstream == Faults(Slice(size_bytes=9), Latency(delay_s=0.001))


async def test_a_list_sets_several_of_one_kind(harness: ApiHarness) -> None:
    await add(harness, {"upstream": {"delay": [{"delay_ms": 100}, {"delay_ms": 200}]}})
    assert harness.proxy.defaults.upstream == Faults(Latency(delay_s=0.1), Latency(delay_s=0.2))


async def test_it_is_for_one_connection_if_that_is_named(harness: ApiHarness) -> None:
    this, _ = await harness.connect(), await harness.connect()
    await add(harness, {"target": this.id, "upstream": {"delay": {"delay_ms": 250}}})
    assert harness.faults() == [(SLOW, NO_FAULTS), (NO_FAULTS, NO_FAULTS), (NO_FAULTS, NO_FAULTS)]


async def test_the_availability_and_the_duration_are_overrides_too(harness: ApiHarness) -> None:
    id = await add(harness, {"availability": "refusing", "connection_duration_ms": 60000})
    assert (harness.proxy.availability, harness.proxy.defaults) == (
        Availability.REFUSING,
        Defaults(connection_duration_s=60),
    )
    await harness.http.delete(f"/overrides/{id}")
    assert (harness.proxy.availability, harness.proxy.defaults) == (Availability.UP, Defaults())


async def test_what_is_active_is_listed_as_it_was_asked_for(harness: ApiHarness) -> None:
    connection = await harness.connect()
    bodies: list[dict[str, Any]] = [
        {"both": {"clear": True}, "availability": "refusing", "name": "maintenance"},
        {"target": connection.id, "upstream": {"throttle": {"rate_bytes": 0}}},
        {"both": {"delay": [{"delay_ms": 1, "jitter_ms": 0}, {"delay_ms": 2, "jitter_ms": 0}]}},
        {"connection_duration_ms": 5, "ttl_ms": 3600000},
        {"quiet": True, "name": "calm"},
    ]
    ids = [await add(harness, body) for body in bodies]
    listed = (await harness.http.get("/overrides")).json()
    assert [each.pop("id") for each in listed] == ids
    assert 0 < listed[3].pop("expires_in_ms") <= 3600000
    assert listed == [
        {"target": "_all", "expires_in_ms": None, **bodies[0]},
        {"name": "", "expires_in_ms": None, **bodies[1]},
        {"target": "_all", "name": "", "expires_in_ms": None, **bodies[2]},
        {"target": "_all", "name": "", "connection_duration_ms": 5},
        {"target": "_all", "expires_in_ms": None, **bodies[4]},
    ]


async def test_an_id_may_be_chosen_and_a_time_be_renewed(harness: ApiHarness) -> None:
    assert await add(harness, {"id": "mine", "availability": "refusing", "ttl_ms": 1000}) == "mine"
    assert await harness.patch("/overrides/mine", {"ttl_ms": 3600000}) == (202, None)
    (listed,) = (await harness.http.get("/overrides")).json()
    assert listed["expires_in_ms"] > 1000
    assert await harness.patch("/overrides/other", {"ttl_ms": 1}) == (404, "override not found")


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "no such connection": ({"target": "a1-7"}, 404, "connection not found"),
    "quiet with faults": ({"quiet": True, "both": {"clear": True}}, 422, "quiet must be left out where"),
    "a target of permanent changes": ({"target": "_new"}, 422, "target must be"),
    "the availability of a connection": (
        {"target": "LIVE", "availability": "down"},
        422,
        "target must be '_all'",
    ),
    "a direction within one": (
        {"upstream": {"delay": {"delay_ms": 1, "direction": "upstream"}}},
        422,
        "direction must be left out here",
    ),
    "an id that is taken": ({"id": "taken"}, 422, "id must be an id that no other override has"),
    "what can be no id": ({"id": "a/b"}, 422, "`$.id`"),
    "a line break at the end of one": ({"id": "a\n"}, 422, "`$.id`"),
    "an id that no URL can have": ({"id": ".."}, 422, "`$.id`"),
    "a name that is too long": ({"name": "x" * 101}, 422, "of length <= 100 - at `$.name`"),
    "none of a kind": ({"both": {"delay": []}}, 422, "of length >= 1 - at `$.both.delay`"),
    "more of a kind than can be meant": (
        {"both": {"delay": [{"delay_ms": 1, "name": str(n)} for n in range(101)]}},
        422,
        "of length <= 100 - at `$.both.delay`",
    ),
    "no time": ({"ttl_ms": 0}, 422, "`$.ttl_ms`"),
    "a fault that is none": ({"both": {"lag": {}}}, 422, "unknown field `lag`"),
    "a field given wrongly": ({"both": {"delay": {"delay_ms": "1"}}}, 422, "`$.both.delay.delay_ms`"),
    "a probability": (
        {"both": {"termination": {"probability_rate": 2}}},
        400,
        "invalid probability; must be between 0.0 and 1.0",
    ),
}


@pytest.mark.parametrize(("body", "status", "text"), REFUSED.values(), ids=REFUSED)
async def test_what_is_refused_changes_nothing(
    harness: ApiHarness, body: dict[str, Any], status: int, text: str
) -> None:
    connection = await harness.connect()
    await add(harness, {"id": "taken"})
    if body.get("target") == "LIVE":
        body = {**body, "target": connection.id}
    before = harness.faults()
    answer = await harness.http.post("/overrides", json=body)
    assert answer.status_code == status
    assert text in answer.json()["error"]
    assert (harness.faults(), harness.proxy.availability) == (before, Availability.UP)
    assert len((await harness.http.get("/overrides")).json()) == 1


async def test_the_originals_calls_are_permanent_changes_on_top(harness: ApiHarness) -> None:
    connection = await harness.connect()
    id = await add(harness, {"both": {"delay": {"delay_ms": 100}}})
    await harness.patch(f"/connections/{connection.id}/delay", {"delay_ms": 250})
    await harness.patch("/defaults", {"throttle": {"rate_bytes": 1000}})
    await harness.patch("/proxy", {"availability": "refusing"})
    await harness.http.delete(f"/overrides/{id}")
    narrow = Faults(Throttle(rate_bytes_per_s=1000))
    assert harness.faults() == [(SLOW, SLOW), (narrow, narrow)]
    assert harness.proxy.availability is Availability.REFUSING


async def test_a_filter_deletes_nothing(harness: ApiHarness) -> None:
    id = await add(harness, {"availability": "refusing"})
    answer = await harness.http.delete(f"/overrides/{id}?client=127.0.0.1")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert harness.proxy.availability is Availability.REFUSING
