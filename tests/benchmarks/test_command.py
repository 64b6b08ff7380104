"""The command line: what it writes, and what its exit status says."""

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
from benchmarks.peers import ORIGINAL, OURS
from benchmarks.results import load_results
from benchmarks.ways import Turn, Values
from tests.benchmarks.fake_results import FakePeer

Run = Callable[..., int]


def _way(turn: Turn) -> Values:
    with turn.peer.relay(0, turn.network):
        return {"start-up": turn.seconds}


STONES = Measure("start-up", _way, (Figure("start-up", "s", bars=(Bar(0.35),)),), seconds=9, repetitions=2)
LONG = Measure("a long one", _way, STONES.figures, seconds=9, is_quick=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the results go, in a world with two stones to measure in two ways."""
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(command, "CHART", tmp_path / "chart.svg")
    monkeypatch.setattr(command, "compiled", lambda: None)
    monkeypatch.setattr(command, "allow_all_descriptors", lambda: None)
    for module in (command, table, chart):
        monkeypatch.setattr(module, "MEASURES", [STONES, LONG])
    monkeypatch.setattr(command, "everyone", lambda: [FakePeer(OURS), FakePeer(ORIGINAL)])
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
    monkeypatch.setattr(command, "everyone", lambda: peers)

    assert run("--quick") == status


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
    def interrupt(turn: Turn) -> Values:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "MEASURES", [Measure("stones", interrupt, STONES.figures)])

    assert run() == 130
