"""Rounds: each contestant has its trial, and the failure of one does not touch the others."""

from __future__ import annotations

import pytest

from benchmarks.bars import Figure
from benchmarks.measure import Measure
from benchmarks.methods import Trial, Values
from benchmarks.peers import ORIGINAL, OURS, TOXIPROXY
from benchmarks.rounds import run_rounds
from tests.benchmarks.fake_results import FakePeer

RATE = (Figure("rate", "MB/s", more_is_better=True),)


def test_each_peer_has_one_sample_of_each_repetition() -> None:
    peers = [FakePeer(OURS), FakePeer(ORIGINAL)]

    def method(trial: Trial) -> Values:
        with trial.peer.relay(0, trial.network):
            return {"rate": trial.seconds}

    figures = run_rounds(Measure("stones", method, RATE), [*peers], 3, seconds=0.5)

    assert figures == {"rate": {OURS: [0.5, 0.5, 0.5], ORIGINAL: [0.5, 0.5, 0.5]}}
    assert [peer.started for peer in peers] == [3, 3]


def test_another_one_begins_each_time() -> None:
    order: list[str] = []

    def method(trial: Trial) -> Values:
        order.append(trial.peer.name)
        return {"rate": 1.0}

    run_rounds(
        Measure("stones", method, RATE),
        [FakePeer(OURS), FakePeer(ORIGINAL), FakePeer(TOXIPROXY)],
        3,
        seconds=1,
    )

    assert order == [OURS, ORIGINAL, TOXIPROXY, ORIGINAL, TOXIPROXY, OURS, TOXIPROXY, OURS, ORIGINAL]


def test_a_peer_that_fails_is_named_and_leaves_a_gap(capsys: pytest.CaptureFixture[str]) -> None:
    def method(trial: Trial) -> Values:
        with trial.peer.relay(0, trial.network):
            return {"rate": 1.0}

    peers = [FakePeer(OURS), FakePeer(ORIGINAL, fails=True)]
    figures = run_rounds(Measure("stones", method, RATE), [*peers], 2, seconds=1)

    assert figures == {"rate": {OURS: [1.0, 1.0], ORIGINAL: [None, None]}}
    assert "stones: Rust original failed: stones sink" in capsys.readouterr().err


def test_a_peer_that_does_not_take_part_is_not_started() -> None:
    bystander = FakePeer(TOXIPROXY)

    def method(trial: Trial) -> Values:
        with trial.peer.relay(0, trial.network):
            return {"rate": 1.0}

    run_rounds(
        Measure("stones", method, RATE, contestants=(OURS,)), [FakePeer(OURS), bystander], 2, seconds=1
    )

    assert bystander.started == 0


def test_what_is_not_in_the_table_is_kept_and_what_a_peer_does_not_have_is_not_failed() -> None:
    def method(trial: Trial) -> Values:
        return {"rate": 1.0, "more": 2.0} if trial.peer.name == OURS else {"more": 3.0}

    figures = run_rounds(Measure("stones", method, RATE), [FakePeer(OURS), FakePeer(ORIGINAL)], 1, seconds=1)

    assert figures == {"rate": {OURS: [1.0], ORIGINAL: []}, "more": {OURS: [2.0], ORIGINAL: [3.0]}}


@pytest.mark.parametrize("is_quick", [False, True])
def test_each_trial_says_whether_the_run_is_quick(*, is_quick: bool) -> None:
    told: list[bool] = []

    def method(trial: Trial) -> Values:
        told.append(trial.is_quick)
        return {"rate": 1.0}

    run_rounds(Measure("stones", method, RATE), [FakePeer(OURS)], 2, seconds=1, is_quick=is_quick)

    assert told == [is_quick, is_quick]
