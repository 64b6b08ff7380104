"""Plans: steps are yielded, results are sent, and what goes wrong is raised within the plan."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from trixter.control.plans import run, run_async


def add_two_answers() -> Generator[str, int, int]:
    first = yield "first"
    try:
        second = yield "second"
    except KeyError:
        second = yield "instead"
    return first + second


ANSWERS = {"first": 1, "second": 20, "instead": 300}


def answer(step: str) -> int:
    return ANSWERS[step]


def answer_less(step: str) -> int:
    if step == "second":
        raise KeyError(step)
    return ANSWERS[step]


def test_a_plan_is_sent_what_it_asks_for() -> None:
    assert run(add_two_answers(), answer) == 21


def test_a_plan_can_go_on_after_a_step_that_failed() -> None:
    assert run(add_two_answers(), answer_less) == 301


def test_what_a_plan_does_not_expect_is_raised_to_its_caller() -> None:
    def fail(step: str) -> int:
        raise OSError(step)

    with pytest.raises(OSError, match="first"):
        run(add_two_answers(), fail)


async def test_those_who_await_get_the_same() -> None:
    async def answer_later(step: str) -> int:
        return answer(step)

    async def answer_less_later(step: str) -> int:
        return answer_less(step)

    async def fail(step: str) -> int:
        raise OSError(step)

    assert await run_async(add_two_answers(), answer_later) == 21
    assert await run_async(add_two_answers(), answer_less_later) == 301
    with pytest.raises(OSError, match="first"):
        await run_async(add_two_answers(), fail)


def nothing_to_ask() -> Generator[str, int, str]:
    return "done"
    yield ""


async def test_a_plan_may_have_nothing_to_ask() -> None:
    async def never(step: str) -> int:
        raise AssertionError

    assert run(nothing_to_ask(), answer) == "done"
    assert await run_async(nothing_to_ask(), never) == "done"
