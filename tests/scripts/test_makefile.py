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


def test_nothing_competes_with_what_measures_time() -> None:
    lines = [line.strip() for line in commands_of("check", "BESIDE=demo", "IDLE=docs").splitlines()]
    (at,) = (number for number, line in enumerate(lines) if 'pytest -m "e2e and timing"' in line)
    assert lines[at].endswith("tests/e2e")
    assert not [line for line in lines[at + 1 :] if "pytest" in line or "trixter demo" in line]
    assert {
        "chrt --idle 0 make --no-print-directory docs",
        "nice -n 19 make --no-print-directory docs",
    } & set(lines)


def test_ci_runs_all_of_it_beside_the_tests() -> None:
    beside, idle = "soak bench-quick demo instructions", "packaging docs"
    assert f'make check BESIDE="{beside}" IDLE="{idle}"\n' in (ROOT / ".ci" / "run").read_text()
    commands = commands_of("check", f"BESIDE={beside}", f"IDLE={idle}")
    assert "python -m benchmarks --quick" in commands
    assert "python -m benchmarks.instructions" in commands
    assert "scripts/soak.py" in commands
    assert "-m packaging tests/packaging" in commands
    assert "sphinx-build --fail-on-warning" in commands
    assert ".venv/bin/trixter demo" in commands
