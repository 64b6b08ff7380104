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
        'coverage run -m pytest -m "not e2e" --numprocesses 2',
        "coverage report",
        "python -m pytest -m e2e tests/e2e tests/docs --numprocesses 2",
    ],
)
def test_check_runs_it(command: str) -> None:
    assert command in commands_of("check")


def test_the_tests_of_check_are_those_of_make_test() -> None:
    calls = [line for line in commands_of("check").splitlines() if " SUITE=" in line]
    assert [" test " in call for call in calls] == [True, True]
    assert "python -m pytest  --numprocesses 2" in commands_of("test")


def test_with_arguments_tests_run_in_one_process() -> None:
    commands = commands_of("test", "ARGS=-k latency")
    assert "pytest  -k latency" in commands
    assert "--numprocesses" not in commands


def test_ci_runs_check_and_has_the_benchmark_run_beside_it() -> None:
    assert "make check BESIDE=bench-quick\n" in (ROOT / ".ci" / "run").read_text()
    assert "python -m benchmarks --quick" in commands_of("check", "BESIDE=bench-quick")
