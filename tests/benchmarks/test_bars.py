"""Ratios and verdicts."""

from __future__ import annotations

import pytest

from benchmarks.bars import Bar, Figure, Samples, present, ratios, times_better, verdict
from benchmarks.peers import ORIGINAL, OURS


def test_ratios_are_made_of_the_samples_of_one_repetition() -> None:
    assert ratios({OURS: [10.0, 30.0], ORIGINAL: [5.0, 10.0]}, ORIGINAL) == [2.0, 3.0]


@pytest.mark.parametrize(
    "samples",
    [
        {OURS: [10.0, None, 30.0], ORIGINAL: [5.0, 1.0, 10.0]},
        {OURS: [10.0, 1.0, 30.0], ORIGINAL: [5.0, None, 10.0]},
    ],
)
def test_a_run_that_failed_leaves_the_other_repetitions_in_their_pairs(samples: Samples) -> None:
    assert ratios(samples, ORIGINAL) == [2.0, 3.0]


def test_nothing_is_divided_by_nothing() -> None:
    assert ratios({OURS: [10.0], ORIGINAL: [0.0]}, ORIGINAL) == []
    assert ratios({OURS: [10.0]}, ORIGINAL) == []
    assert ratios({}, ORIGINAL) == []


def test_what_failed_is_not_present() -> None:
    assert present({OURS: [1.0, None, 2.0]}, OURS) == [1.0, 2.0]
    assert present({}, OURS) == []


def test_a_bar_against_a_peer_is_asked_of_the_median_ratio() -> None:
    samples: Samples = {OURS: [10.0, 12.0, 90.0], ORIGINAL: [10.0, 10.0, 10.0]}

    assert Bar(1.2, at_least=True, against=ORIGINAL).value(samples) == 1.2


def test_a_bar_of_its_own_is_asked_of_the_median_of_ours() -> None:
    assert Bar(5, at_least=False).value({OURS: [1.0, 2.0, 9.0], ORIGINAL: [100.0]}) == 2.0


@pytest.mark.parametrize(
    ("bar", "just_met", "just_not"),
    [
        (Bar(1.2, at_least=True), 1.2, 1.19),
        (Bar(1.2, at_least=False), 1.2, 1.21),
    ],
)
def test_a_bar_includes_its_limit(bar: Bar, just_met: float, just_not: float) -> None:
    assert bar.is_met({OURS: [just_met]}) is True
    assert bar.is_met({OURS: [just_not]}) is False


@pytest.mark.parametrize(("at_least", "worst"), [(True, 49.0), (False, 51.0)])
def test_a_bar_of_each_repetition_is_asked_of_the_worst(at_least: bool, worst: float) -> None:
    bar = Bar(50, at_least=at_least, of_each=True)

    assert bar.value({OURS: [50.0, worst, 50.0]}) == worst
    assert bar.is_met({OURS: [50.0, worst, 50.0]}) is False
    assert bar.is_met({OURS: [50.0, 50.0, 50.0]}) is True


def test_what_was_not_measured_is_neither_met_nor_not() -> None:
    assert Bar(1.0).is_met({}) is None
    assert Bar(1.0, against=ORIGINAL).is_met({OURS: [1.0]}) is None
    assert verdict(None) == "not measured"


def test_a_bar_that_is_not_met_stands_out() -> None:
    assert (verdict(True), verdict(False)) == ("met", "NOT met")


def test_a_bar_reads_as_what_is_asked() -> None:
    assert str(Bar(1.5, at_least=True)) == "≥ 1.5"
    assert str(Bar(4096)) == "≤ 4096"


def test_twice_the_speed_and_half_the_cost_are_twice_as_good() -> None:
    assert times_better(Figure("rate", "MB/s", more_is_better=True), 2.0) == 2.0
    assert times_better(Figure("CPU", "s"), 0.5) == 2.0


def test_no_cost_at_all_is_better_than_any_number() -> None:
    assert times_better(Figure("CPU", "s"), 0.0) == float("inf")


def test_a_speed_is_called_by_its_unit_and_all_else_by_its_name() -> None:
    assert Figure("rate", "MB/s").label == "MB/s"
    assert Figure("p99", "µs").label == "p99"
