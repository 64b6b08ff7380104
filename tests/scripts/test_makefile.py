"""The targets of make: `check` leaves nothing out, and its tests are those of `make test`."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@cache
def commands_of(*arguments: str) -> str:
    """Return what make would run."""
    # Without what a make that runs these tests has left there: flags, and variables that it was given.
    environment = {"PATH": os.environ["PATH"]}
    command = ["make", "--dry-run", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize(
    "command",
    [
        "ruff format --check .",
        "ruff check .",
        "lint-imports",
        "mypy",
        "scripts/module_coverage.py",
        'coverage run -m pytest -m "not e2e and not packaging" --numprocesses 2',
        "coverage report",
        'python -m pytest -m "e2e and not timing" tests/docs tests/e2e --numprocesses 4',
        'python -m pytest -m "e2e and timing" tests/e2e',
    ],
)
def test_check_runs_it(command: str) -> None:
    assert command in commands_of("check")


def test_the_tests_of_check_are_those_of_make_test() -> None:
    calls = [line for line in commands_of("check").splitlines() if " SUITE=" in line]
    assert [" test " in call for call in calls] == [True, True, True]
    assert "python -m pytest  --numprocesses 2" in commands_of("test")


def test_with_arguments_tests_run_in_one_process() -> None:
    commands = commands_of("test", "ARGS=-k latency")
    assert "pytest  -k latency" in commands
    assert "--numprocesses" not in commands


def test_what_measures_time_has_the_machine_to_itself() -> None:
    (alone,) = (line for line in commands_of("check").splitlines() if 'pytest -m "e2e and timing"' in line)
    assert alone.strip().endswith("tests/e2e")
    assert commands_of("check", "BESIDE=demo").rstrip().endswith(alone.strip())


def test_ci_runs_all_of_it_beside_the_tests() -> None:
    beside = "soak packaging bench-quick docs demo instructions"
    assert f'make check BESIDE="{beside}"\n' in (ROOT / ".ci" / "run").read_text()
    commands = commands_of("check", f"BESIDE={beside}")
    assert "python -m benchmarks --quick" in commands
    assert "python -m benchmarks.instructions" in commands
    assert "scripts/soak.py" in commands
    assert "-m packaging tests/packaging" in commands
    assert "sphinx-build --fail-on-warning" in commands
    assert ".venv/bin/trixter demo" in commands
