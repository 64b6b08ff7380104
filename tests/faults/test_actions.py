"""Actions: the output of a chain."""

from typing import Any

import pytest

from trixter.faults import EOF, RESET, Abort, Close, Decision, Effect, Eof, Reset
from trixter.faults.actions import Moment, Place


def test_there_is_one_eof_and_one_reset() -> None:
    assert Eof() == EOF
    assert Reset() == RESET
    assert len({EOF, RESET}) == 2


def test_endings_are_told_apart_by_kind_and_reason() -> None:
    assert Abort("terminated") == Abort("terminated")
    assert Abort("terminated") != Abort("duration")
    assert len({Abort("limit"), Close("limit")}) == 2


@pytest.mark.parametrize(
    ("effect", "detail", "loses_rest"),
    [(Effect.LOSE, {}, True), (Effect.LOSE, {"size_bytes": 1}, False), (Effect.SET, {}, False)],
)
def test_a_loss_without_a_size_is_that_of_all_that_follows(
    effect: Effect, detail: dict[str, Any], loses_rest: bool
) -> None:
    decision = Decision(
        kind="lose_answer",
        effect=effect,
        offset_bytes=0,
        moment=Moment.BYTE,
        detail=detail,
        place=Place(0, 1),
        input_bytes=0,
    )
    assert decision.loses_rest == loses_rest
