"""The load generator: compiled when first needed; a run prints one line of numbers."""

from __future__ import annotations

import json
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers import HERE
from benchmarks.process import Failed, running

SOURCE = HERE / "load.c"
PROGRAM = HERE / "build" / "load"

# It ends by itself: after its seconds, or after 60 more if its idle connections do not open.
MOST_SECONDS_TOO_LONG = 75.0

Readings = dict[str, float]
"""The numbers that it prints; their names are in its source."""


def compiled() -> Path:
    """Return the load generator; see ``compile_if_older``."""
    return compile_if_older(PROGRAM, SOURCE)


def compile_if_older(program: Path, source: Path, *options: str) -> Path:
    """Return a program in C, compiled if it is older than its source.

    Raises:
        Failed: If there is no C compiler, or it refuses the source.
    """
    if program.exists() and program.stat().st_mtime >= source.stat().st_mtime:
        return program
    if shutil.which("cc") is None:
        raise Failed(f"{source.name} is compiled with `cc`, and there is none: install a C compiler")
    program.parent.mkdir(exist_ok=True)
    command = ["cc", "-O2", "-Wall", "-Wextra", *options, "-o", str(program), str(source)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        raise Failed(f"cc refused {source.name}:\n{said.stderr}")
    return program


@contextmanager
def loaded(options: str, *, port: int, upstream: int, seconds: float) -> Iterator[Readings]:
    """Put a load on a relay; in mode ``idle``, until the context ends.

    Args:
        options: The mode and its options.
        port: The port of the relay.
        upstream: The port to listen on, as its upstream.
        seconds: The length of the run, without connecting and warming up.

    Raises:
        Failed: With the reason that the program printed.
    """
    ports = ["--connect", str(port), "--upstream", str(upstream)]
    command = [str(compiled()), *options.split(), *ports, "--seconds", str(seconds)]
    with running(command, is_heard=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        if not select.select([process.stdout], [], [], seconds + MOST_SECONDS_TOO_LONG)[0]:
            raise Failed("the load generator hangs")
        line = process.stdout.readline()
        if not line:
            raise Failed(process.stderr.read().strip() or "the load generator printed nothing")
        readings: Readings = json.loads(line)
        if readings["idle"] < idle_wanted(options):
            raise Failed(f"only {readings['idle']:,} of {idle_wanted(options):,} idle connections opened")
        yield readings


def run(options: str, *, port: int, upstream: int, seconds: float) -> Readings:
    """Run once, as `loaded` does, and return the numbers."""
    with loaded(options, port=port, upstream=upstream, seconds=seconds) as readings:
        return readings


def idle_wanted(options: str) -> int:
    """Return the number of idle connections in these options."""
    _, _, after = options.partition("--idle ")
    return int(after.split()[0]) if after else 0
