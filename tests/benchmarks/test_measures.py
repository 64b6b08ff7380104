"""The list of measures is consistent."""

from __future__ import annotations

import pytest

from benchmarks.contestants import contestants
from benchmarks.measure import Measure
from benchmarks.measures import MEASURES
from benchmarks.network import NO_FAULTS
from benchmarks.peers import CONTESTANTS, ORIGINAL, OURS, TOXIPROXY, WITH_FAULTS

each_measure = pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.title)


def test_everyone_takes_part_once_in_the_order_of_the_columns() -> None:
    assert tuple(peer.name for peer in contestants()) == CONTESTANTS


def test_no_two_measures_have_the_same_title() -> None:
    assert len({measure.title for measure in MEASURES}) == len(MEASURES)


@each_measure
def test_ours_takes_part_in_every_measure_with_those_its_bars_name(measure: Measure) -> None:
    named = {bar.against for figure in measure.figures for bar in figure.bars if bar.against}

    assert {OURS, *named} <= set(measure.contestants) <= set(CONTESTANTS)


@each_measure
def test_only_those_with_faults_take_part_when_there_are_any(measure: Measure) -> None:
    if measure.network != NO_FAULTS:
        assert set(measure.contestants) <= set(WITH_FAULTS)


@each_measure
def test_bars_against_a_speed_ask_for_more_and_against_a_cost_for_less(measure: Measure) -> None:
    for figure in measure.figures:
        for bar in figure.bars:
            if bar.against:
                assert bar.at_least == figure.more_is_better


@each_measure
def test_what_is_asked_against_one_peer_is_asked_against_the_other(measure: Measure) -> None:
    for figure in measure.figures:
        assert {bar.against for bar in figure.bars} - {None} in (set(), {ORIGINAL, TOXIPROXY})


def test_the_same_is_asked_of_the_truth_while_the_api_is_polled() -> None:
    own_bars = {
        measure.title: [[bar for bar in figure.bars if not bar.against] for figure in measure.figures]
        for measure in MEASURES
        if measure.title.startswith(("latency", "throttle"))
    }
    polled = {title: bars for title, bars in own_bars.items() if "polled" in title}

    assert len(polled) == len(own_bars) / 2 == 7
    for title, bars in polled.items():
        assert bars == own_bars[title.partition(", polled")[0]]
