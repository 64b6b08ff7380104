"""Connections whose upstream has not answered yet."""

from __future__ import annotations

import pytest

from tests.api.api_harness import ApiHarness
from trixter.faults import Direction, Faults, Latency

NO_BYPASS = {"upstream": 0, "downstream": 0}


async def test_they_are_listed_if_asked_for_and_counted(harness: ApiHarness) -> None:
    live, dialling = await harness.connect(), await harness.dial_in_vain()

    async def ids_of(query: str) -> list[str]:
        return [each["conn_info"]["id"] for each in (await harness.http.get(f"/connections{query}")).json()]

    assert await ids_of("") == await ids_of("?state=open") == [live.id]
    assert await ids_of("?state=dialling") == [dialling.id]
    assert await ids_of("?state=dialling&client=10.0.0.0/8") == []
    stats = (await harness.http.get("/proxy")).json()["stats"]
    assert (stats["connections_open"], stats["connections_dialling"]) == (1, 1)


async def test_one_is_shown_without_faults_for_it_has_none_yet(harness: ApiHarness) -> None:
    harness.proxy.defaults = harness.proxy.defaults.with_faults(
        Direction.UPSTREAM, Faults(Latency(delay_s=0.25))
    )
    dialling = await harness.dial_in_vain()

    shown = (await harness.http.get(f"/connections/{dialling.id}")).json()

    assert shown["state"] == "dialling"
    assert shown["delay"] == {"secs": 0, "nanos": 0}
    assert shown["bytes"] == shown["held_bytes"] == NO_BYPASS
    assert shown["faults"] == {"upstream": {}, "downstream": {}}


async def test_a_live_one_is_shown_as_open(harness: ApiHarness) -> None:
    await harness.connect()
    (shown,) = (await harness.http.get("/connections")).json()
    assert shown["state"] == "open"


async def test_one_can_be_shut_down_by_its_id_and_all_means_those_that_are_live(harness: ApiHarness) -> None:
    dialling = await harness.dial_in_vain()

    await harness.http.post("/connections/_all/shutdown", json={"reason": "x"})
    assert dialling.end_reason is None
    answer = await harness.http.post(f"/connections/{dialling.id}/shutdown", json={"reason": "x"})

    assert answer.status_code == 202
    assert dialling.end_reason is not None
    assert harness.proxy.registry.dialling == []


async def test_it_has_no_faults_to_change(harness: ApiHarness) -> None:
    dialling = await harness.dial_in_vain()
    answer = await harness.http.patch(f"/connections/{dialling.id}/delay", json={"delay_ms": 1})
    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "connection not found", "code": "connection_not_found"},
    )


@pytest.mark.parametrize("state", ["", "OPEN", "closed"])
async def test_another_state_is_422(harness: ApiHarness, state: str) -> None:
    answer = await harness.http.get("/connections", params={"state": state})
    assert answer.status_code == 422
    assert answer.json() == {"error": f"`state` must be open or dialling, not {state!r}", "code": "invalid"}
