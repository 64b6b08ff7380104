"""The fault flags of subcommands, as the override that they ask for."""

from __future__ import annotations

from typing import Any

import click
import pytest

from trixter.cli.options import RequestedFaults
from trixter.cli.remote import set_
from trixter.control import ALL, ReplaceFaults
from trixter.faults import NO_FAULTS, Direction, Faults, Freeze, Latency, LoseAnswer, Throttle
from trixter.profiles import find_profile

BOTH = tuple(Direction)
UP, DOWN = BOTH


def change(*flags: str) -> RequestedFaults:
    ctx = set_.make_context("set", [ALL, *flags])
    values: dict[str, Any] = dict(ctx.params)
    for other in ("target", "all", "api", "api_token", "api_ca"):
        del values[other]
    requested = RequestedFaults.of(ctx, values)
    assert values == {}
    return requested


def steps(*flags: str) -> list[tuple[tuple[Direction, ...], ReplaceFaults]]:
    override = change(*flags).override(ALL)
    if override.upstream is not None and override.upstream == override.downstream:
        return [(BOTH, override.upstream)]
    return [((each,), replaced) for each in BOTH if (replaced := override.replaced(each)) is not None]


def test_a_flag_is_a_fault_in_both_directions_in_place_of_its_kind() -> None:
    assert steps("--delay-ms", "250", "--jitter-ms", "50") == [
        (BOTH, ReplaceFaults.one(Latency(delay_s=0.25, jitter_s=0.05)))
    ]


def test_zero_switches_a_fault_off_and_no_flag_leaves_it() -> None:
    assert steps("--throttle-rate-bytes", "0") == [(BOTH, ReplaceFaults.one(Throttle()))]


@pytest.mark.parametrize(
    ("direction", "directions"), [("upstream", (UP,)), ("downstream", (DOWN,)), ("both", BOTH)]
)
def test_a_direction_is_that_one_only(direction: str, directions: tuple[Direction, ...]) -> None:
    assert steps("--delay-ms", "1", "--direction", direction) == [
        (directions, ReplaceFaults.one(Latency(delay_s=0.001)))
    ]


def test_a_fault_of_one_direction_is_set_in_that_one() -> None:
    lost = ReplaceFaults.one(LoseAnswer(probability=0.1, answer_bytes=3, silence=True))
    flags = "--lose-answer-probability-rate", "0.1", "--lose-answer-bytes", "3", "--lose-answer-silence"
    assert steps(*flags) == steps(*flags, "--direction", "downstream") == [((DOWN,), lost)]
    [_, (_, replaced)] = steps(*flags, "--clear")
    assert replaced == ReplaceFaults.everything(*lost.faults)


@pytest.mark.parametrize(("flag", "is_on"), [("--freeze", True), ("--no-freeze", False)])
def test_a_freeze_is_put_on_and_taken_off(flag: str, is_on: bool) -> None:
    assert steps(flag) == [(BOTH, ReplaceFaults.one(Freeze(is_on=is_on)))]


def test_a_profile_takes_the_place_of_everything_and_flags_that_of_its_faults() -> None:
    edge = find_profile("edge")
    assert steps("--profile", "edge") == [
        (each, ReplaceFaults.everything(*edge.faults(each[0]))) for each in ((UP,), (DOWN,))
    ]
    [(_, replaced)] = steps("--profile", "edge", "--delay-ms", "5", "--direction", "upstream")
    assert replaced == ReplaceFaults.everything(*edge.upstream.with_fault(Latency(delay_s=0.005)))


def test_jitter_alone_keeps_the_delay_of_the_profile() -> None:
    [(_, replaced), _] = steps("--profile", "edge", "--jitter-ms", "20")
    assert replaced.faults.find(Latency) == Latency(delay_s=0.42, jitter_s=0.02)


def test_clear_removes_all_faults() -> None:
    assert steps("--clear") == [(BOTH, ReplaceFaults.everything())]
    assert steps("--clear", "--freeze") == [(BOTH, ReplaceFaults.everything(Freeze(is_on=True)))]


def test_without_any_flag_nothing_is_asked() -> None:
    assert change().is_nothing
    assert not change("--clear").is_nothing
    assert not change("--no-freeze").is_nothing


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--clear", "--profile", "3g"), "--clear does not go with --profile"),
        (("--jitter-ms", "5"), "--jitter-ms needs --delay-ms beside it"),
        (("--jitter-ms", "5", "--clear"), "--jitter-ms needs --delay-ms beside it"),
        (
            ("--delay-ms", "1", "--lose-request-probability-rate", "0.1", "--direction", "downstream"),
            "--lose-request-probability-rate does not go with --direction downstream",
        ),
        (("--profile", "4g-ish"), "must be the name of a profile"),
    ],
)
def test_flags_that_make_no_sense_together_are_refused(flags: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(click.UsageError, match=complaint):
        change(*flags)


def test_flags_of_the_environment_are_for_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DELAY_MS", "PROFILE", "DIRECTION", "THROTTLE_RATE_BYTES"):
        monkeypatch.setenv(f"TRIXTER_{name}", "1")
    assert change().is_nothing


def test_faults_to_begin_with_that_are_calm_are_calm() -> None:
    assert Faults(*steps("--clear")[0][1].faults) == NO_FAULTS
