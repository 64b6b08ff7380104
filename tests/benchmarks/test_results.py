"""Results are the same after they were written and read."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks.machine import facts
from benchmarks.peers import ORIGINAL, OURS
from benchmarks.results import load_results
from tests.benchmarks.fake_results import results


def test_results_come_back_as_they_were_saved(tmp_path: Path) -> None:
    saved = results({"bulk": {"rate": {OURS: [1.5, None, 0.001], ORIGINAL: [None]}}})

    saved.save(tmp_path / "results.json")

    assert load_results(tmp_path / "results.json") == saved


def test_a_file_of_another_shape_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"facts": {}, "results": {}}')

    with pytest.raises(msgspec.ValidationError):
        load_results(tmp_path / "results.json")


def test_the_facts_name_the_machine() -> None:
    found = facts({OURS: "1.2.3"})

    assert found.versions == {OURS: "1.2.3"}
    assert found.cores >= 1
    assert found.python.startswith(("CPython 3.", "PyPy 3."))
    assert all([found.date, found.cpu, found.kernel])
