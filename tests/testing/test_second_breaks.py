"""A second break in the retry, where the body came back from the first one."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.testing.echo import connect, say
from tests.testing.suites import run
from trixter.errors import SettingError, SweepError
from trixter.faults import Direction
from trixter.testing import Chaos, ChaosProxy, rounds
from trixter.testing.calm_round import Point, Record
from trixter.testing.rounds import Sweep, SweepOptions

pytest_plugins = ["pytester"]

Body = Callable[[ChaosProxy], object]
ALL = ("ok", "error", "hang", "leak", "wrong")


def swept(echo: str, body: Body, only: str = "", **keywords: Any) -> Sweep:
    """Run a sweep of answers; return it with its map."""
    with Chaos(seed=1) as chaos:
        if only:
            chaos.sweep_options = SweepOptions(only=(1, Point.parse(only)))
        settings = {"at": "every message", "direction": "downstream", "also": "the retry", "accept": ALL}
        sweep = chaos.sweep(echo, **{**settings, **keywords})
        for network in sweep:
            with network as proxy:
                body(proxy)
        return sweep


def outcomes(sweep: Sweep) -> dict[str, str]:
    return {point.id: str(each) for point, each in sweep.plan.outcomes.items()}


def ask(client: socket.socket) -> None:
    with client:
        if say(client, b"hello") != b"hello":
            raise ConnectionError("the answer is short")


def trying(attempts: int) -> Body:
    """Return a body that asks until it is answered, and so often at most."""

    def body(proxy: ChaosProxy) -> None:
        for attempt in range(attempts):
            try:
                return ask(connect(proxy))
            except ConnectionError:
                if attempt == attempts - 1:
                    raise
        return None

    return body


def test_where_the_body_came_back_its_retry_is_broken_as_well(echo: str) -> None:
    assert outcomes(swept(echo, trying(2))) == {
        "1:downstream:0": "ok after a retry",
        "1:downstream:0+2:downstream:0": "ConnectionResetError",
    }
    assert outcomes(swept(echo, trying(3), at="every byte", break_with="close")) == {
        "1:downstream:0": "ok after a retry",
        "1:downstream:4": "ok after a retry",
        "1:downstream:5:reached": "ok",
        "1:downstream:0+2:downstream:0": "ok after a retry",
        "1:downstream:0+2:downstream:4": "ok after a retry",
        "1:downstream:0+2:downstream:5:reached": "ok",
        "1:downstream:4+2:downstream:0": "ok after a retry",
        "1:downstream:4+2:downstream:4": "ok after a retry",
        "1:downstream:4+2:downstream:5:reached": "ok",
    }
    assert list(outcomes(swept(echo, trying(1)))) == ["1:downstream:0"]


def one_after_another(proxy: ChaosProxy) -> None:
    trying(2)(proxy)
    trying(2)(proxy)


def beside_each_other(proxy: ChaosProxy) -> None:
    with connect(proxy) as other:
        say(other, b"hello")
        trying(2)(proxy)
        say(other, b"again")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (one_after_another, ["1:downstream:0+2:downstream:0", "2:downstream:0+3:downstream:0"]),
        (beside_each_other, ["2:downstream:0+3:downstream:0"]),
    ],
)
def test_the_retry_has_the_connections_that_the_calm_round_has_not(
    echo: str, body: Body, expected: list[str]
) -> None:
    found = outcomes(swept(echo, body))
    assert [each for each in found if "+" in each] == expected
    assert {found[each] for each in expected} == {"ConnectionResetError"}


def test_the_map_has_the_second_breaks_below_their_first_one(echo: str) -> None:
    sweep = swept(echo, trying(2), at="every byte", break_with="close")
    assert sweep.map.lines()[2:] == [
        f"  9 rounds for 18 points, in {sweep.map.all_s:.1f} s",
        "  connection 1, downstream",
        "    bytes 0–4: ok after a retry (2 tried, 3 inferred)",  # noqa: RUF001
        "      in the retry, connection 2, downstream",
        "        bytes 0–4: ConnectionError (2 tried, 3 inferred)",  # noqa: RUF001
        "        behind 5 bytes: ok",
        "    behind 5 bytes: ok",
    ]
    first, last = sweep.map.to_json()["ranges"]
    assert [each["first"] for each in first["retry"]] == [
        "1:downstream:0+2:downstream:0",
        "1:downstream:0+2:downstream:5:reached",
    ]
    assert last["retry"] == []


def test_so_many_rounds_at_most_are_those_of_both_breaks(echo: str) -> None:
    keywords: dict[str, Any] = {"at": "every byte", "exhaustive": True}
    sweep = swept(echo, trying(2), max_rounds=8, **keywords)
    found = list(outcomes(sweep))
    assert [each.count("+") for each in found] == [0, 0, 0, 0, 0, 0, 1, 1]
    assert found[6:] == ["1:downstream:0+2:downstream:0", "1:downstream:2+2:downstream:3"]
    assert sweep.plan.is_thinned
    assert len(outcomes(swept(echo, trying(2), max_rounds=3, **keywords))) == 3


def test_a_round_of_two_breaks_is_repeated_behind_that_of_the_first(echo: str) -> None:
    point = "1:downstream:3+2:downstream:1"
    sweep = swept(echo, trying(2), point, at="every byte", break_with="close")
    assert outcomes(sweep) == {"1:downstream:3": "ok after a retry", point: "ConnectionError"}
    for body, also, wrong in (
        (trying(2), "the retry", "1:downstream:3+2:downstream:99"),
        (trying(2), "the retry", "1:downstream:3+3:downstream:0"),
        (trying(1), "the retry", point),
        (trying(2), None, point),
    ):
        with pytest.raises(SettingError, match="of the retry after the first one"):
            swept(echo, body, wrong, at="every byte", also=also)


def test_the_round_that_failed_is_described_with_both_breaks(echo: str) -> None:
    with pytest.raises(SweepError) as caught:
        swept(echo, trying(2), accept="ok", break_with="close")
    assert str(caught.value) == (
        "1 of 2 rounds failed; the first: close, connection 1, downstream, byte 0, before `hello`; "
        "in the retry, connection 2, downstream, byte 0, before `hello`: ConnectionError: the answer is short"
    )


def test_a_retry_of_too_many_reads_is_said_and_not_broken(echo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "MOST_READS", 2)  # of all retries
    sweep = swept(echo, trying(2), direction=None)
    assert [each for each in outcomes(sweep) if "+" in each] == [
        "1:upstream:0+2:upstream:0",
        "1:upstream:0+2:downstream:0",
    ]
    assert sweep.map.lines()[-1] == "  retries that have too many reads to be broken: 1"


def test_of_some_connections_all_is_kept_that_a_record_has_of_them() -> None:
    record = Record()
    for connection in (1, 2, 1, 3):
        record.add(connection, Direction.UPSTREAM, b"ab")
    part = record.only(2, 2)
    assert [each.connection for each in part.reads] == [2, 3]
    assert (part.numbers, part.kept_bytes) == (range(2, 4), 4)
    assert not part.is_too_long


def test_another_word_is_refused_before_the_first_round(echo: str) -> None:
    with Chaos(seed=1) as chaos, pytest.raises(SettingError, match="also must be 'the retry', or left out"):
        chaos.sweep(echo, also="all")


SUITE = """
def test_it(chaos, echo):
    where = {"at": "every message", "direction": "downstream"}
    for network in chaos.sweep(echo, also="the retry", accept="ok", **where):
        with network as proxy:
            for attempt in (1, 2):
                try:
                    with connect(proxy) as client:
                        say(client, b"hello")
                    break
                except ConnectionError:
                    if attempt == 2:
                        raise
"""


def test_the_report_has_the_command_and_the_plan_has_the_number(suite: pytest.Pytester) -> None:
    result = run(suite, SUITE)
    result.assert_outcomes(failed=1)
    command = "*--chaos-sweep-round=1/1:downstream:0+2:downstream:0"
    result.stdout.fnmatch_lines([f"to repeat just that round: pytest {command}"])
    result = run(suite, SUITE, "--chaos-sweep-plan")
    plan = "*plan: 1 round for 1 point, and 1 more if each leads to a retry, about 0.0 to 0.0 s"
    result.stdout.fnmatch_lines(["*: reset at every message, downstream, also the retry", "*", plan])
