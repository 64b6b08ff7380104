"""Prove that ``make test`` is green from a fresh clone: on a busy machine, in any order, on every Python.

    make prove                                  # five runs, and one on each other Python of this machine
    make prove ARGS="--runs 2 --no-others"      # the first two of them
    make prove ARGS="--python python3.13"       # begin with another Python
    make prove ARGS="--seed 7"                  # the random orders of an earlier proof
    make prove ARGS="--tests tests/faults"      # some of the tests

Each Python gets a clone of what is committed here, in a temporary folder, and an emptied environment. Runs
ignore interrupts when they begin, as the background jobs of a shell do.
The exit status is 1 if a run was red; the folder, with what was printed, is kept then.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
OLDEST = (3, 11)

# Three with each core busy, and two in random order, in turns.
RUNS = ("loaded", "random", "loaded", "random", "loaded")

# How pip finds its index; the rest of the environment is emptied.
KEPT = re.compile(r"PATH|PIP_.*|SSL_CERT_FILE|(https?|no)_proxy", re.IGNORECASE)

BUSY = "while True: pass"
# Of one that can make a virtual environment: some systems cut that off.
VERSION = "import ensurepip, sys; print(*sys.version_info[:3], sep='.')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One ``make test``: its conditions and its result."""

    number: int
    python: str
    is_loaded: bool
    seed: int | None
    passed: int
    seconds: float
    is_green: bool

    def row(self) -> tuple[str, ...]:
        return (
            str(self.number),
            self.python,
            "busy" if self.is_loaded else "-",
            "as written" if self.seed is None else f"random, seed {self.seed}",
            str(self.passed),
            f"{self.seconds:.0f}",
            "green" if self.is_green else "RED",
        )


HEAD = ("run", "python", "load", "order", "passed", "s", "verdict")


class Clone:
    """A fresh clone for one Python, with an empty home.

    Args:
        folder: Where it is made.
        source: The repository.
        python: The interpreter with which ``make`` sets it up.
    """

    def __init__(self, folder: Path, source: Path, python: str) -> None:
        self.version = _version_of(python)
        self._folder = folder / self.version
        self._python = python
        (self._folder / "home").mkdir(parents=True)
        command = ["git", "clone", "--quiet", f"file://{source}", str(self._folder / "clone")]
        subprocess.run(command, check=True)

    def test(self, number: int, pytest_args: str, *, is_loaded: bool, seed: int | None) -> Run:
        """Run ``make test``; what it prints goes to a file."""
        order = "" if seed is None else f"-p randomly --randomly-seed={seed}"
        args = f"{order} {pytest_args}".strip()
        log_path = self._folder / f"run-{number}.log"
        started_at = time.monotonic()
        with busy_cores() if is_loaded else ExitStack(), log_path.open("wb") as log:
            status = self._make(log.fileno(), f"PYTHON={self._python}", f"ARGS={args}")
        printed = log_path.read_text(errors="replace")
        run = Run(
            number=number,
            python=self.version,
            is_loaded=is_loaded,
            seed=seed,
            passed=int((re.findall(r"(\d+) passed", printed) or [0])[-1]),
            seconds=time.monotonic() - started_at,
            is_green=status == 0,
        )
        if not run.is_green:
            red = re.findall(r"^(?:FAILED|ERROR) .*", printed, re.MULTILINE)
            print(
                "\n".join(red or printed.splitlines()[-10:]), f"all of it: {log_path}", sep="\n", flush=True
            )
        return run

    def _make(self, log: int, *variables: str) -> int:
        # A session of its own, so that all of it, and nothing else, ends with an interrupt.
        # A shell's background jobs ignore interrupts.
        make = subprocess.Popen(
            ["make", "test", *variables],
            cwd=self._folder / "clone",
            env=_environment(self._folder / "home"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        )
        try:
            return make.wait()
        except BaseException:
            os.killpg(make.pid, signal.SIGTERM)
            make.wait()
            raise


@contextmanager
def busy_cores() -> Iterator[None]:
    """Keep each core of the machine busy with a loop."""
    with ExitStack() as loops:
        for _ in range(os.cpu_count() or 1):
            loop = subprocess.Popen([sys.executable, "-c", BUSY])
            loops.callback(loop.wait)
            loops.callback(loop.kill)
        yield


def find_pythons() -> dict[str, str]:
    """Return an interpreter of each version that is new enough, by name: from PATH, or pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders = [*map(Path, os.get_exec_path()), *sorted(pyenv.glob("versions/*/bin"), reverse=True)]
    found: dict[str, str] = {}
    for folder in folders:
        for path in sorted(folder.glob("python3.*")):
            if not re.fullmatch(r"python3\.\d+", path.name) or path.name in found:
                continue
            # A name on PATH may be pyenv's stand-in for a version that is not switched on.
            version = _version_of(str(path), missing="")
            if version and tuple(map(int, version.split(".")[:2])) >= OLDEST:
                found[path.name] = str(path)
    return found


def prove(options: argparse.Namespace, source: Path, folder: Path) -> list[Run]:
    """Do all the runs, and print each as it ends."""
    draws = random.Random(options.seed)
    print(f"seed of the orders: {options.seed}", flush=True)
    runs: list[Run] = []

    def run(clone: Clone, condition: str) -> None:
        seed = draws.randrange(2**32) if condition == "random" else None
        is_loaded = condition == "loaded"
        runs.append(clone.test(len(runs) + 1, options.tests, is_loaded=is_loaded, seed=seed))
        print("  ".join(runs[-1].row()), flush=True)

    first = Clone(folder, source, options.python)
    for condition in RUNS[: options.runs]:
        run(first, condition)
    if options.others:
        for name, python in sorted(find_pythons().items()):
            if not first.version.startswith(f"{name.removeprefix('python')}."):
                run(Clone(folder, source, python), "plain")
    return runs


def table(rows: list[tuple[str, ...]]) -> str:
    """Align rows, the first of which is the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join(lines)


def main(args: list[str], source: Path = ROOT) -> int:
    """Parse the options, do the runs, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=len(RUNS), metavar="N", help="only the first N runs")
    parser.add_argument("--python", default="python3", help="of the first runs [%(default)s]")
    parser.add_argument(
        "--no-others", dest="others", action="store_false", help="leave the other Pythons of this machine out"
    )
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="of the random orders")
    parser.add_argument("--tests", default="", metavar="ARGS", help="arguments for pytest, as in make test")
    options = parser.parse_args(args)
    folder = Path(tempfile.mkdtemp(prefix="prove-green-"))
    runs = prove(options, source, folder)
    print("\n" + table([HEAD, *(run.row() for run in runs)]))
    is_green = bool(runs) and all(run.is_green for run in runs)
    if is_green:
        shutil.rmtree(folder)
    return 0 if is_green else 1


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    return {**kept, "HOME": str(home), "LANG": "C.UTF-8"}


def _version_of(python: str, missing: str | None = None) -> str:
    """Return an interpreter's version; if it does not run, ``missing``, or the error if that is None."""
    try:
        run = subprocess.run([python, "-c", VERSION], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        if missing is None:
            raise
        return missing
    return run.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
