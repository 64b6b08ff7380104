"""The table: all figures, and the bars that are not met."""

from __future__ import annotations

import msgspec

from benchmarks.bars import Bar, Figure, Samples
from benchmarks.measure import Measure
from benchmarks.measures import MEASURES
from benchmarks.methods import start_up
from benchmarks.peers import CONTESTANTS, NO_PROXY, ORIGINAL, OURS, TOXIPROXY
from benchmarks.results import Figures
from benchmarks.table import block, heading, one_sided, unmet, whole
from tests.benchmarks.fake_results import FACTS, everything, results

SPEED = Measure(
    "speed of stones",
    start_up,  # not called here
    (
        Figure(
            "rate",
            "stones/s",
            more_is_better=True,
            bars=(Bar(1.2, at_least=True, against=ORIGINAL), Bar(3, at_least=True, against=TOXIPROXY)),
        ),
    ),
)
MEMORY = Measure("weight of stones", start_up, (Figure("memory", "g", bars=(Bar(4096),), digits=1),))


def test_a_row_has_values_ratios_their_spread_and_a_verdict_for_each_peer() -> None:
    samples: Samples = {
        OURS: [2000.0, 4000.0, 3000.0],
        ORIGINAL: [1000.0, 1000.0, 1000.0],
        TOXIPROXY: [1500.0, 1500.0, 1500.0],
        NO_PROXY: [],
    }

    assert block(SPEED, {"rate": samples}).splitlines()[1:] == [
        "speed of stones",
        "  rate, stones/s                        3,000            1,000            1,500",
        "    ours to theirs                                        3.00             2.00",
        "    from, to                                      2.00 to 4.00     1.33 to 2.67",
        "    bar                                              ≥ 1.2 met      ≥ 3 NOT met",
    ]


def test_a_bar_of_its_own_stands_under_ours_and_compares_with_nobody() -> None:
    assert block(MEMORY, {"memory": {OURS: [2048.0, 2050.0], ORIGINAL: [20000.0] * 2}}).splitlines()[1:] == [
        "weight of stones",
        "  memory, g                           2,049.0         20,000.0",
        "    bar                            ≤ 4096 met",
    ]


def test_a_quick_run_decides_nothing() -> None:
    quick = block(MEMORY, {"memory": {OURS: [5000.0]}}, has_verdicts=False)

    assert "5,000.0" in quick
    assert "met" not in quick


def test_who_failed_every_time_is_said_to_have_failed() -> None:
    assert "failed" in block(MEMORY, {"memory": {OURS: [1.0], ORIGINAL: [None, None]}})


def test_who_is_not_installed_is_said_to_be_left_out() -> None:
    assert "left out, not installed (make bench-peers): HAProxy" in heading(FACTS).splitlines()
    assert "left out" not in heading(msgspec.structs.replace(FACTS, versions=dict.fromkeys(CONTESTANTS, "1")))


def test_the_heading_names_the_machine_and_the_versions() -> None:
    lines = heading(FACTS).splitlines()

    assert lines[0] == "2030-01-02, 2 cores of <Abacus & Sons>, Linux 9.9, CPython 3.99"
    assert lines[1].startswith("trixter 1.0, Rust original 0.1,")


def test_the_list_at_the_end_has_the_bars_that_are_not_met_and_no_others() -> None:
    measured: dict[str, Figures] = {
        "start-up": {"start-up": {OURS: [0.5]}},
        "1,000 idle connections": {"idle CPU": {OURS: [0.0]}},
    }

    assert unmet(results(measured)).splitlines()[1:] == [
        "1 of 2 bars are met. The others:",
        "  NOT met: start-up: start-up ≤ 0.35 s, but 0.500",
    ]


def test_what_was_not_measured_is_in_the_list_too() -> None:
    assert "  not measured: start-up: start-up ≤ 0.35 s" in unmet(results({"start-up": {}})).splitlines()


def test_figures_on_one_side_in_every_repetition_are_listed_as_better_or_worse() -> None:
    speed = Figure("rate", "MB/s", more_is_better=True)
    measure = Measure(
        "stones", start_up, (speed, Figure("CPU", "s"), Figure("p50", "µs"), Figure("once", "µs"))
    )
    measured: Figures = {
        "rate": {OURS: [10.0, 12.0, 11.0], "before": [20.0, 16.0, 22.0]},
        "CPU": {OURS: [1.0, 2.0, 3.0], "before": [2.0, 4.0, 6.0]},
        "p50": {OURS: [1.0, 2.0, 3.0], "before": [2.0, 1.0, 6.0]},
        "once": {OURS: [1.0], "before": [2.0]},
    }
    assert one_sided([measure], results({"stones": measured}), "before").splitlines() == [
        "",
        "On one side in every repetition: 2.",
        "  worse: stones: rate, ours to theirs 0.50 (0.50 to 0.75)",
        "  better: stones: CPU, ours to theirs 0.50 (0.50 to 0.50)",
    ]


def test_the_whole_table_has_every_measure_and_a_verdict_for_every_bar() -> None:
    table = whole(everything(lambda peer: [1.0]))

    assert all(f"\n{measure.title}\n" in table for measure in MEASURES)
    rows = [line for line in table.splitlines() if line.startswith("    bar ")]
    assert sum(row.count(" met") for row in rows) == sum(len(f.bars) for m in MEASURES for f in m.figures)
