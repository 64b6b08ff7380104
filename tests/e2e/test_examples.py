"""The examples, run as a user runs them; and the one that fails, repeated by the command it shows."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.upstreams import program

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

# Long to load, and of no use here. pytest-asyncio says on its own account what will change in it.
LIGHT = ["-p", "no:schemathesis", "-p", "no:cacheprovider", "-p", "no:asyncio"]

PATIENCE_S = 300.0

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(2 * PATIENCE_S)]

ALL = sorted({path.parent.name for path in EXAMPLES.glob("*/test_*.py")})


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """Return a copy of the examples, which belongs to the user."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples"))


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", *LIGHT, *args]
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, env=environment
    )


@pytest.mark.parametrize("name", [name for name in ALL if name != "random_resets"])
def test_an_example_passes(name: str, examples: Path) -> None:
    if name == "redis_cache":
        program("redis-server")
    result = run(examples.parent, f"examples/{name}", "-W", "error", "-rs")
    assert result.returncode == pytest.ExitCode.OK, result.stdout + result.stderr
    assert "skipped" not in result.stdout


def test_the_failing_example_is_repeated_by_its_command(examples: Path) -> None:
    def failure(*args: str) -> tuple[str, str]:
        result = run(examples.parent, *args)
        assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout + result.stderr
        (command,) = re.findall(r"^to repeat it: pytest (.*)", result.stdout, re.MULTILINE)
        (ending,) = re.findall(r"connection 1 ended: (terminated; .*)", result.stdout)
        return command, ending

    command, ending = failure("examples/random_resets")
    assert failure(*shlex.split(command)) == (command, ending)


def test_the_page_of_the_examples_has_each_of_them() -> None:
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `pytest examples/(\w+)`", page, re.MULTILINE)) == ALL
