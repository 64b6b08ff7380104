"""The chart is a picture of the ratios."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from benchmarks.chart import LANES, LEFT, RIGHT, chart, charted, times_text, x_of
from benchmarks.measures import MEASURES
from benchmarks.peers import OURS
from benchmarks.results import Results
from tests.benchmarks.fake_results import everything, results

SVG = "{http://www.w3.org/2000/svg}"
BULK = "bulk, 1 connection"


def drawn(measured: Results, tag: str, kind: str) -> list[ElementTree.Element]:
    """Return the shapes of one kind on the chart, without those of the legend."""
    shapes = ElementTree.fromstring(chart(measured)).iter(f"{SVG}{tag}")
    return [shape for shape in shapes if shape.get("class") == kind]


def bulk(ours: float, theirs: float) -> Results:
    return results({BULK: {"rate": {OURS: [ours], "Rust original": [theirs]}}})


def test_what_is_twice_as_good_is_as_far_from_1_as_what_is_half_as_good() -> None:
    assert x_of(2) - x_of(1) == pytest.approx(x_of(1) - x_of(0.5), abs=0.2)
    assert x_of(4) > x_of(2)


@pytest.mark.parametrize(("times", "end"), [(0.0, LEFT), (1e-9, LEFT), (1e9, RIGHT), (float("inf"), RIGHT)])
def test_what_is_beyond_the_scale_is_at_its_end(times: float, end: int) -> None:
    assert x_of(times) == end


@pytest.mark.parametrize(
    ("times", "text"), [(0.5, "0.50x"), (1.234, "1.23x"), (2.26, "2.3x"), (1234.4, "1,234x")]
)
def test_numbers_have_as_many_digits_as_matter(times: float, text: str) -> None:
    assert times_text(times) == text


def test_there_is_a_row_for_each_figure_with_a_bar_against_a_peer() -> None:
    figures = [f for m in MEASURES for f in m.figures if any(bar.against for bar in f.bars)]

    assert [row.figure for row in charted(everything(lambda peer: [1.0]))] == figures


def test_a_mark_is_where_its_ratio_is() -> None:
    marks = [mark.get("cx") for mark in drawn(bulk(8, 2), "circle", "first")]

    assert f"{x_of(4):g}" in marks


def test_a_mark_that_did_not_reach_its_bar_is_hollow() -> None:
    assert len(drawn(bulk(1.4, 1), "circle", "first unmet")) == 1
    assert not drawn(bulk(1.6, 1), "circle", "first unmet")


def test_less_of_a_cost_is_further_right() -> None:
    measured = results({BULK: {"CPU": {OURS: [1.0], "Rust original": [4.0]}}})

    assert f"{x_of(4):g}" in [mark.get("cx") for mark in drawn(measured, "circle", "first")]


def test_what_was_not_measured_says_so_and_has_no_mark() -> None:
    nothing = results({"64 B, 50 connections": {"rate": {OURS: [1.0]}}})
    numbers = [text for lane in LANES for text in drawn(nothing, "text", f"number {lane.kind}")]

    assert [number.text for number in numbers] == ["not measured", "not measured"]
    assert not drawn(nothing, "circle", "first unmet")


def test_names_of_machines_cannot_break_the_picture() -> None:
    words = "".join(ElementTree.fromstring(chart(everything(lambda peer: [1.0]))).itertext())

    assert "<Abacus & Sons>" in words


def test_it_is_drawn_for_the_light_and_for_the_dark() -> None:
    assert "@media (prefers-color-scheme: dark)" in chart(bulk(1, 1))
