"""The catalogue is shown: enough for a program to offer every fault, and its settings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.api_harness import ApiHarness
from tests.api.one_loop import anyio_backend as anyio_backend
from trixter.faults import CATALOGUE, NO_FAULTS, Direction

VALUES: dict[str, Any] = {"integer": 7, "number": 7.5, "probability": 0.5, "boolean": True}


@pytest.fixture
async def shown(harness: ApiHarness) -> Any:
    answer = await harness.http.get("/catalogue")
    assert answer.status_code == 200
    return answer.json()


async def test_a_setting_is_shown_with_all_that_is_said_of_it(shown: Any) -> None:
    [corruption] = [each for each in shown if each["stem"] == "corruption"]
    assert corruption == {
        "name": "corrupt",
        "stem": "corruption",
        "description": "Wrong bytes.",
        "settings": [
            {
                "name": "probability_rate",
                "type": "probability",
                "required": True,
                "default": 0.0,
                "flag": "--corrupt-probability-rate",
                "description": "for each operation; 0 switches it off",
            },
            {
                "name": "mode",
                "type": "choice",
                "required": False,
                "default": "insert",
                "choices": ["insert", "flip"],
                "flag": "--corrupt-mode",
                "description": "put random bytes in front, or change bytes in place",
            },
        ],
    }


async def test_it_is_in_the_order_of_the_defaults(harness: ApiHarness, shown: Any) -> None:
    defaults = (await harness.http.get("/defaults")).json()
    assert [each["stem"] for each in shown] == list(defaults["upstream"])


async def test_a_program_can_set_every_fault_by_it_alone(harness: ApiHarness, shown: Any) -> None:
    connection = await harness.connect()
    for fault in shown:
        body = {each["name"]: VALUES[each["type"]] for each in fault["settings"] if each["required"]}
        assert await harness.patch(f"/connections/_all/{fault['stem']}", body) == (202, None)
    for direction in Direction:
        faults = connection.pipe(direction).faults
        assert {type(each) for each in faults} == {
            each.kind for each in CATALOGUE if each.kind.fits(direction)
        }


async def test_a_program_can_take_every_fault_back_by_it_alone(harness: ApiHarness, shown: Any) -> None:
    connection = await harness.connect()
    for fault in shown:
        body = {each["name"]: VALUES[each["type"]] for each in fault["settings"] if each["required"]}
        off = {each["name"]: each["default"] for each in fault["settings"]}
        for each in (body, off):
            assert await harness.patch(f"/connections/{connection.id}/{fault['stem']}", each) == (202, None)
    assert connection.pipe(Direction.UPSTREAM).faults == NO_FAULTS
