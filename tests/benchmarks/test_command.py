"""The command line: its files, and its exit status."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import chart, table
from benchmarks.bars import Bar, Figure
from benchmarks.measure import Measure
from benchmarks.methods import Trial, Values
from benchmarks.peers import ORIGINAL, OURS
from benchmarks.results import load_results
from tests.benchmarks.fake_results import FakePeer

Run = Callable[..., int]


def _method(trial: Trial) -> Values:
    with trial.peer.relay(0, trial.network):
        return {"start-up": trial.seconds}


STONES = Measure("start-up", _method, (Figure("start-up", "s", bars=(Bar(0.35),)),), seconds=9, repetitions=2)
LONG = Measure("a long one", _method, STONES.figures, seconds=9, is_quick=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of the results, with two contestants and two measures."""
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(command, "CHART", tmp_path / "chart.svg")
    monkeypatch.setattr(command, "compiled", lambda: None)
    monkeypatch.setattr(command, "allow_all_descriptors", lambda: None)
    for module in (command, table, chart):
        monkeypatch.setattr(module, "MEASURES", [STONES, LONG])
    monkeypatch.setattr(command, "contestants", lambda: [FakePeer(OURS), FakePeer(ORIGINAL)])
    handler = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def main(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["benchmarks", *words])
        return command.main()

    return main


def test_a_full_run_writes_the_results_and_the_chart(run: Run, folder: Path) -> None:
    assert run() == 0

    results = load_results(folder / "results.json")
    assert results.measured["start-up"] == {"start-up": {OURS: [9.0, 9.0], ORIGINAL: [9.0, 9.0]}}
    assert (results.repetitions["start-up"], results.seconds["start-up"]) == (2, 9)
    assert (folder / "chart.svg").read_text().startswith("<svg")


def test_a_bar_that_is_not_met_is_listed_and_is_no_failure(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    assert "NOT met: start-up: start-up ≤ 0.35 s, but 9.00" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--quick"], ["--only", "start"], ["--repeat", "1", "--only", "start"]])
def test_part_of_a_run_writes_nothing(run: Run, folder: Path, words: list[str]) -> None:
    assert run(*words) == 0
    assert list(folder.iterdir()) == []


def test_a_quick_run_is_short_and_decides_nothing(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--quick") == 0

    table = capsys.readouterr().out
    assert "start-up" in table
    assert "met" not in table
    assert "a long one" not in table


@pytest.mark.parametrize(("failing", "status"), [(OURS, 1), (ORIGINAL, 0)])
def test_only_ours_has_to_run(run: Run, monkeypatch: pytest.MonkeyPatch, failing: str, status: int) -> None:
    peers = [FakePeer(name, fails=name == failing) for name in (OURS, ORIGINAL)]
    monkeypatch.setattr(command, "contestants", lambda: peers)

    assert run("--quick") == status


def test_another_tree_takes_the_place_of_the_peers_and_nothing_is_written(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trees = {OURS: FakePeer(OURS), "before": FakePeer("before")}
    monkeypatch.setattr(command, "trees_against", lambda folder: list(trees.values()))

    assert run("--against", "before") == 0

    printed = capsys.readouterr().out
    assert printed.splitlines()[3].split() == ["trixter", "before"]
    assert "ours to theirs 1.00" in " ".join(printed.split())
    assert "bar" not in printed
    assert "On one side in every repetition: none." in printed
    assert [peer.started for peer in trees.values()] == [7, 7]  # a measure of 2 and one of 5 repetitions
    assert list(folder.iterdir()) == []


def test_another_tree_that_does_not_start_is_an_error(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = FakePeer("before", version=None)
    monkeypatch.setattr(command, "trees_against", lambda folder: [FakePeer(OURS), broken])

    assert run("--against", "before") == 1
    assert capsys.readouterr().err.startswith("benchmarks: trixter does not start from before")


def test_the_report_is_what_the_run_printed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    printed = capsys.readouterr().out

    assert run("--report") == 0
    assert capsys.readouterr().out == printed


def test_a_report_without_results_says_how_to_get_them(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--report") == 1
    assert capsys.readouterr().err == "benchmarks: there is no results.json yet: `make bench` writes it\n"


def test_words_that_no_title_has_are_a_mistake(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--only", "pebbles") == 1
    assert capsys.readouterr().err == "benchmarks: no measure has 'pebbles' in its title\n"


def test_ctrl_c_is_an_end_and_not_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(trial: Trial) -> Values:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "MEASURES", [Measure("stones", interrupt, STONES.figures)])

    assert run() == 130
