"""The oldest versions allowed: the lower bounds of pyproject.toml, each as the only version."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scripts.oldest import oldest, pinned

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("requirement", "wanted"),
    [
        ("rich>=13", "rich==13"),
        ("click>=8.1.7", "click==8.1.7"),
        ('uvloop>=0.21; sys_platform != "win32"', 'uvloop==0.21; sys_platform != "win32"'),
    ],
)
def test_a_lower_bound_becomes_the_only_version(requirement: str, wanted: str) -> None:
    assert oldest(requirement) == wanted


@pytest.mark.parametrize("requirement", ["rich", "rich<14", "rich>=13,<14", "rich==13", "rich[all]>=13"])
def test_what_is_no_lower_bound_alone_is_refused(requirement: str) -> None:
    with pytest.raises(ValueError, match="not of the form"):
        oldest(requirement)


def test_tools_have_the_versions_they_have_everywhere() -> None:
    pins = "# tools\nmypy==2.4\npytest==9.2.0\n\npytest-xdist==3.8.0\n"
    assert pinned(("pytest-xdist", "pytest"), pins) == ["pytest-xdist==3.8.0", "pytest==9.2.0"]
    with pytest.raises(KeyError):
        pinned(("nose",), pins)


def test_every_dependency_is_printed_once() -> None:
    script = [sys.executable, "scripts/oldest.py"]
    printed = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    dependencies = [requirement.replace(">=", "==") for requirement in project["dependencies"]]
    assert printed[: len(dependencies)] == dependencies
    assert "pytest==" in "".join(printed)
    assert len(printed) == len({line.partition("==")[0] for line in printed})
