"""Installing: with uv if it is available, else with pip."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# It notes how it was called, then does what the test wants of it.
PROGRAM = """#!/bin/sh
echo "{name} $*" >> {calls}
case "$*" in
{cases}
esac
"""

PIP = "python -m pip --disable-pip-version-check -q install -r some.txt"
UV = "uv pip install --python {venv}/bin/python --system-certs -q -r some.txt"


class Venv:
    """A virtual environment whose programs only note how they are called.

    Args:
        folder: Where it is made.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "venv"
        self._calls = folder / "calls"
        self._calls.touch()
        (self.path / "bin").mkdir(parents=True)
        self.put("python")

    def put(self, name: str, cases: str = "") -> None:
        """Add a program; ``cases`` are those of the shell, over its arguments."""
        program = self.path / "bin" / name
        program.write_text(PROGRAM.format(name=name, calls=self._calls, cases=cases))
        program.chmod(0o755)

    def install(self) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        command = ["scripts/install", str(self.path), "-r", "some.txt"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    @property
    def installed(self) -> list[str]:
        """Each order to install, in the order they came."""
        calls = self._calls.read_text().splitlines()
        return [call.replace(str(self.path), "{venv}") for call in calls if "some.txt" in call]


@pytest.fixture
def venv(tmp_path: Path) -> Venv:
    return Venv(tmp_path)


def test_uv_installs(venv: Venv) -> None:
    venv.put("uv")
    done = venv.install()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert venv.installed == [UV]


def test_where_uv_cannot_be_had_pip_does_it_without_a_word_about_uv(venv: Venv) -> None:
    venv.put("python", "*uv==*) echo no such package >&2; exit 1;;")
    done = venv.install()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert venv.installed == [PIP]


def test_where_uv_fails_pip_does_it_without_a_word_about_uv(venv: Venv) -> None:
    venv.put("uv", "*) echo no route >&2; exit 2;;")
    done = venv.install()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert venv.installed == [UV, PIP]


def test_where_both_fail_pip_says_why(venv: Venv) -> None:
    venv.put("uv", "*) echo no route >&2; exit 2;;")
    venv.put("python", "*some.txt*) echo no network >&2; exit 3;;")
    done = venv.install()
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "no network\n")


def test_an_index_that_pip_was_told_of_is_used_by_pip(venv: Venv) -> None:
    venv.put("uv")
    venv.put("python", """*"config list"*) echo "global.index-url='https://pypi.example/simple'";;""")
    assert venv.install().returncode == 0
    assert venv.installed == [PIP]
