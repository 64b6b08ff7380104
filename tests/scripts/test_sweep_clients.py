"""The table of what clients do: the step that meets a break, and the text of its cell."""

from __future__ import annotations

import pytest

from scripts.sweep_clients import cell_of, place_of, step_of, text_of
from trixter.faults import Direction
from trixter.testing.calm_round import Point
from trixter.testing.sweep import Kind, Outcome

# 10 bytes and an answer of 20 to connect, then the same again to read, and to write.
ENDS = [{(1, Direction.UPSTREAM): 10 * step, (1, Direction.DOWNSTREAM): 20 * step} for step in (1, 2, 3)]


@pytest.mark.parametrize(
    ("point", "is_one_way", "where"),
    [
        ("1:upstream:0:reached", False, ("connect", "before")),
        ("1:upstream:9", False, ("connect", "request")),
        ("1:upstream:10:reached", False, ("connect", "after it")),
        ("1:upstream:10:reached", True, ("read", "before")),
        ("1:downstream:19", False, ("connect", "answer")),
        ("1:downstream:20:reached", False, ("read", "before")),
        ("1:downstream:59", False, ("write", "answer")),
        ("1:downstream:60:reached", False, ("close", "before")),
    ],
)
def test_a_break_belongs_to_the_step_that_meets_it(
    point: str, is_one_way: bool, where: tuple[str, str]
) -> None:
    place = place_of(Point.parse(point), is_one_way=is_one_way)
    assert (step_of(Point.parse(point), place, ENDS), place) == where


def test_a_cell_tells_the_places_apart_whose_outcomes_differ() -> None:
    assert cell_of([]) == "-"
    assert cell_of([("request", "ok"), ("answer", "ok")]) == "ok"
    assert cell_of([("answer", "wrong"), ("request", "ok"), ("before", "ok"), ("answer", "hang")]) == (
        "before, request: ok; answer: hang or wrong"
    )


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (Outcome(Kind.OK, "(it did not come to the break)"), "ok"),
        (Outcome(Kind.OK, "after a retry"), "ok after a retry"),
        (Outcome(Kind.ERROR, "TimeoutError"), "`TimeoutError`"),
        (Outcome(Kind.LEAK, "of 1 connection"), "leak"),
    ],
)
def test_an_outcome_is_a_few_words(outcome: Outcome, text: str) -> None:
    assert text_of(outcome) == text
