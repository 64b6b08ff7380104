"""Polling: ten times a second, except in a quick run, which decides nothing."""

from __future__ import annotations

import json

import pytest

from benchmarks.polling import Polls, polled
from benchmarks.ports import unused_ports
from benchmarks.process import Failed


def _polls(count: int, *, listed: int = 1_000) -> Polls:
    return Polls(count, seconds=5.0, longest=json.dumps([{}] * listed).encode())


@pytest.mark.parametrize("is_quick", [False, True])
def test_a_run_polled_as_often_as_the_table_says_passes(*, is_quick: bool) -> None:
    _polls(40, listed=800).check(1_000, is_quick=is_quick)


@pytest.mark.parametrize(
    ("polls", "reason"),
    [
        (_polls(39), "answered only 39 polls in 5.0 s"),
        (_polls(50, listed=799), "listed 799 connections, not 1,000"),
    ],
)
def test_a_run_polled_less_fails_but_in_a_quick_run(polls: Polls, reason: str) -> None:
    polls.check(1_000, is_quick=True)

    with pytest.raises(Failed, match=reason):
        polls.check(1_000, is_quick=False)


@pytest.mark.parametrize("is_quick", [False, True])
@pytest.mark.parametrize(
    ("polls", "reason"),
    [
        (_polls(0), "answered only 0 polls"),
        (Polls(50, error=ConnectionResetError("gone")), "its API failed: gone"),
    ],
)
def test_an_api_that_does_not_answer_fails_any_run(polls: Polls, reason: str, *, is_quick: bool) -> None:
    with pytest.raises(Failed, match=reason):
        polls.check(1_000, is_quick=is_quick)


def test_nobody_at_that_port_is_a_failure() -> None:
    (port,) = unused_ports(1)

    with pytest.raises(Failed, match="its API"), polled(port, 1, is_quick=True):
        pass
