"""The check of the core's coverage: a module needs a partner that reaches all of it, alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "module_coverage.py"

# A branch, and a line behind it.
SIGN = """
def sign(number: int) -> str:
    text = "plus"
    if number < 0:
        text = "minus"
    return text
"""

# It uses the other module, as most of the core do.
PAIR = """
from trixter.faults.sign import sign

def signs(one: int, other: int) -> str:
    return sign(one) + sign(other)
"""

TEST_ALL_OF_SIGN = """
from trixter.faults.sign import sign

def test_sign() -> None:
    assert (sign(1), sign(-1)) == ("plus", "minus")
"""

TEST_HALF_OF_SIGN = """
from trixter.faults.sign import sign

def test_sign() -> None:
    assert sign(-1) == "minus"
"""

TEST_A_LINE_LESS = """
from trixter.faults.jump import sign

def test_sign() -> None:
    assert sign(1) == "plus"
"""

TEST_PAIR = """
from trixter.faults.pair import signs

def test_pair() -> None:
    assert signs(1, -1) == "plusminus"
"""

# What it reaches while pytest collects is no test's, either.
TEST_PAIR_TWICE = """
from trixter.faults.pair import signs

SIGNS = signs(1, -1)

def test_pair() -> None:
    assert signs(1, -1) == SIGNS
"""


class Project:
    """A project whose core has two modules.

    Args:
        root: Where it is made.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.put("pyproject.toml", '[tool.coverage.run]\nbranch = true\nsource = ["trixter"]\n')
        for package in ("trixter", "trixter/faults"):
            self.put(f"src/{package}/__init__.py", "")
        self.put("src/trixter/faults/sign.py", SIGN)
        self.put("src/trixter/faults/pair.py", PAIR)
        self.put("tests/faults/test_sign.py", TEST_ALL_OF_SIGN)
        self.put("tests/faults/test_pair.py", TEST_PAIR)

    def put(self, name: str, text: str) -> None:
        """Write a file."""
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self._root / name).unlink()

    def check(self) -> tuple[int, str]:
        """Run the check; return its status and what it prints."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
        run = subprocess.run(
            [sys.executable, str(SCRIPT)],
            cwd=self._root,
            env=environment
            | {"PYTHONPATH": str(self._root / "src"), "PYTEST_ADDOPTS": "-p no:asyncio -p no:anyio"},
            capture_output=True,
            text=True,
        )
        assert run.stderr == ""
        return run.returncode, run.stdout


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.slow
def test_what_is_covered_by_its_partner_passes(project: Project) -> None:
    assert project.check() == (0, "2 of 2 modules are covered by their own tests.\n")


@pytest.mark.slow
def test_each_module_that_its_partner_does_not_cover_alone_is_named(project: Project) -> None:
    project.put("tests/faults/test_pair.py", TEST_PAIR_TWICE)
    project.put("tests/faults/test_sign.py", TEST_HALF_OF_SIGN)
    project.put("src/trixter/faults/jump.py", SIGN)
    project.put("tests/faults/test_jump.py", TEST_A_LINE_LESS)
    project.put("src/trixter/faults/lonely.py", SIGN)
    status, printed = project.check()
    assert status == 1
    assert re.search(r"^src/trixter/faults/jump.py +5 .* 71%   5$", printed, re.MULTILINE)
    assert re.search(r"^src/trixter/faults/sign.py +5 .* 86%   4->6$", printed, re.MULTILINE)
    assert "src/trixter/faults/lonely.py: it has no partner tests/faults/test_lonely.py\n" in printed
    assert "pair.py" not in printed
    assert printed.endswith("1 of 4 modules are covered by their own tests.\n")


@pytest.mark.slow
def test_a_partner_that_fails_is_shown(project: Project) -> None:
    project.put("tests/faults/test_pair.py", TEST_PAIR.replace("plusminus", "minusplus"))
    status, printed = project.check()
    assert status == 1
    assert "test_pair" in printed
    assert "1 failed, 1 passed" in printed


def test_a_core_without_modules_fails(project: Project) -> None:
    project.remove("src/trixter/faults/sign.py")
    project.remove("src/trixter/faults/pair.py")
    assert project.check() == (1, "no modules in src/trixter/faults\n")
