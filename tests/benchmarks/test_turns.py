"""Everybody takes a turn, and who fails does not spoil it for the others."""

from __future__ import annotations

import pytest

from benchmarks.bars import Figure
from benchmarks.measure import Measure
from benchmarks.peers import ORIGINAL, OURS, TOXIPROXY
from benchmarks.turns import measured
from benchmarks.ways import Turn, Values
from tests.benchmarks.fake_results import FakePeer

RATE = (Figure("rate", "MB/s", more_is_better=True),)


def test_each_peer_has_one_sample_of_each_repetition() -> None:
    peers = [FakePeer(OURS), FakePeer(ORIGINAL)]

    def way(turn: Turn) -> Values:
        with turn.peer.relay(0, turn.network):
            return {"rate": turn.seconds}

    figures = measured(Measure("stones", way, RATE), [*peers], 3, seconds=0.5)

    assert figures == {"rate": {OURS: [0.5, 0.5, 0.5], ORIGINAL: [0.5, 0.5, 0.5]}}
    assert [peer.started for peer in peers] == [3, 3]


def test_another_one_begins_each_time() -> None:
    order: list[str] = []

    def way(turn: Turn) -> Values:
        order.append(turn.peer.name)
        return {"rate": 1.0}

    measured(
        Measure("stones", way, RATE), [FakePeer(OURS), FakePeer(ORIGINAL), FakePeer(TOXIPROXY)], 3, seconds=1
    )

    assert order == [OURS, ORIGINAL, TOXIPROXY, ORIGINAL, TOXIPROXY, OURS, TOXIPROXY, OURS, ORIGINAL]


def test_who_fails_is_named_and_leaves_a_gap(capsys: pytest.CaptureFixture[str]) -> None:
    def way(turn: Turn) -> Values:
        with turn.peer.relay(0, turn.network):
            return {"rate": 1.0}

    peers = [FakePeer(OURS), FakePeer(ORIGINAL, fails=True)]
    figures = measured(Measure("stones", way, RATE), [*peers], 2, seconds=1)

    assert figures == {"rate": {OURS: [1.0, 1.0], ORIGINAL: [None, None]}}
    assert "stones: Rust original failed: stones sink" in capsys.readouterr().err


def test_who_is_not_asked_takes_no_turn() -> None:
    bystander = FakePeer(TOXIPROXY)

    def way(turn: Turn) -> Values:
        with turn.peer.relay(0, turn.network):
            return {"rate": 1.0}

    measured(Measure("stones", way, RATE, who=(OURS,)), [FakePeer(OURS), bystander], 2, seconds=1)

    assert bystander.started == 0


def test_what_is_not_in_the_table_is_kept_and_what_a_peer_does_not_have_is_not_failed() -> None:
    def way(turn: Turn) -> Values:
        return {"rate": 1.0, "more": 2.0} if turn.peer.name == OURS else {"more": 3.0}

    figures = measured(Measure("stones", way, RATE), [FakePeer(OURS), FakePeer(ORIGINAL)], 1, seconds=1)

    assert figures == {"rate": {OURS: [1.0], ORIGINAL: []}, "more": {OURS: [2.0], ORIGINAL: [3.0]}}


@pytest.mark.parametrize("is_taste", [False, True])
def test_each_is_told_whether_it_is_only_a_taste(*, is_taste: bool) -> None:
    told: list[bool] = []

    def way(turn: Turn) -> Values:
        told.append(turn.is_taste)
        return {"rate": 1.0}

    measured(Measure("stones", way, RATE), [FakePeer(OURS)], 2, seconds=1, is_taste=is_taste)

    assert told == [is_taste, is_taste]
