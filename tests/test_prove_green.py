"""The proof that the tests are green says what it ran, and is red if a run was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import prove_green
from scripts.prove_green import RUNS, find_pythons, main

pytestmark = pytest.mark.slow

MAKEFILE = """
test:
\t@echo "$(ARGS)" >> "{asked}"
\t@grep SigIgn /proc/self/status >> "{asked}"
\t@env | cut -d= -f1 | sort | tr '\\n' ' ' >> "{asked}"
\t@echo "FAILED tests/test_it.py::test_one"
\t@echo "==== 41 passed, 1 failed in 0.1s ===="
\t@{verdict}
"""


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """Return the file in which the tests of the repository note how they were run."""
    return tmp_path / "asked"


@pytest.fixture(autouse=True)
def few_pythons(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Find one other Python, and keep what is written in the test's folder."""
    other = tmp_path / "bin" / "python3.99"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\necho 3.99.1\n")
    other.chmod(0o755)
    monkeypatch.setattr(prove_green, "find_pythons", lambda: {"python3.99": str(other)})
    monkeypatch.setattr(prove_green, "BUSY", "input()")  # one that ends when it is ended, and takes no core
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("SECRET", "to be left out")


def repository(folder: Path, asked: Path, verdict: str) -> Path:
    """Make a repository in which ``make test`` is green (``true``) or red (``false``)."""
    source = folder / "source"
    source.mkdir()
    (source / "Makefile").write_text(MAKEFILE.format(asked=asked, verdict=verdict))
    git = ("git", "-C", str(source), "-c", "user.name=a", "-c", "user.email=a@b.example")
    for command in (("init", "-q"), ("add", "."), ("commit", "-qm", "one")):
        subprocess.run([*git, *command], check=True)
    return source


def test_a_proof_has_every_condition(tmp_path: Path, asked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = repository(tmp_path, asked, "true")
    assert main(["--python", sys.executable, "--tests", "tests/faults"], source) == 0
    rows = capsys.readouterr().out.partition("\n\n")[2].splitlines()
    assert len(rows) == 1 + len(RUNS) + 1
    assert rows[0].split() == ["run", "python", "load", "order", "passed", "s", "verdict"]
    assert sum("busy" in row for row in rows) == 3
    seeds = {row.partition("seed ")[2].split()[0] for row in rows if "seed" in row}
    assert len(seeds) == 2
    assert all(row.endswith("green") and " 41 " in row for row in rows[1:])
    assert "3.99.1" in rows[-1]
    runs = asked.read_text()
    assert runs.count("tests/faults") == len(RUNS) + 1
    assert all(f"-p randomly --randomly-seed={seed} tests/faults" in runs for seed in seeds)
    assert "SECRET" not in runs
    assert "HOME" in runs
    ignored = [int(line.split()[1], 16) for line in runs.splitlines() if line.startswith("SigIgn")]
    assert len(ignored) == len(RUNS) + 1
    assert all(each & 1 << signal.SIGINT - 1 for each in ignored)
    assert not list(tmp_path.glob("prove-green-*"))


def test_the_same_seed_gives_the_same_orders(tmp_path: Path, asked: Path) -> None:
    source = repository(tmp_path, asked, "true")
    proof = ["--python", sys.executable, "--runs", "2", "--no-others", "--seed", "7"]
    asked_for = []
    for _ in range(2):
        assert main(proof, source) == 0
        asked_for.append(asked.read_text())
        asked.unlink()
    assert asked_for[0] == asked_for[1]


def test_a_red_run_makes_it_red_and_what_it_printed_is_kept(
    tmp_path: Path, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = repository(tmp_path, asked, "false")
    assert main(["--python", sys.executable, "--runs", "1", "--no-others"], source) == 1
    printed = capsys.readouterr().out
    assert "FAILED tests/test_it.py::test_one" in printed
    assert printed.rstrip().endswith("RED")
    (log,) = tmp_path.glob("prove-green-*/*/run-1.log")
    assert "1 failed" in log.read_text()


def test_no_run_is_no_proof(tmp_path: Path, asked: Path) -> None:
    source = repository(tmp_path, asked, "true")
    assert main(["--python", sys.executable, "--runs", "0", "--no-others"], source) == 1


def test_an_interrupt_ends_what_it_started(
    tmp_path: Path, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = repository(tmp_path, asked, "sleep 3600")
    wait = subprocess.Popen.wait
    made: list[subprocess.Popen[bytes]] = []

    def interrupted(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        if process.args[:2] == ["make", "test"] and process not in made:  # type: ignore[index]
            made.append(process)
            raise KeyboardInterrupt
        return wait(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        main(["--python", sys.executable, "--runs", "1", "--no-others"], source)
    assert made[0].returncode != 0


def test_pythons_are_found_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interpreter(folder: str, name: str, script: str) -> None:
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    interpreter("path", "python3.9", "echo 3.9.18")
    interpreter("path", "python3.12", "exit 127")  # pyenv's, for a version that is not switched on
    interpreter("path", "python3.13", "echo 3.13.0")
    interpreter("path", "python3.13-config", "echo 3.13.0")
    interpreter("pyenv/versions/3.12.1/bin", "python3.12", "echo 3.12.1")
    interpreter("pyenv/versions/3.13.9/bin", "python3.13", "echo 3.13.9")
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "path"), os.defpath]))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    found = {name: path for name, path in find_pythons().items() if path.startswith(str(tmp_path))}
    assert found == {
        "python3.12": str(tmp_path / "pyenv/versions/3.12.1/bin/python3.12"),
        "python3.13": str(tmp_path / "path/python3.13"),
    }
