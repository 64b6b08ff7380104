"""The load generator: compiled when first needed, run, and its one line read."""

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

# It ends by itself: after its seconds, and after 60 more if its idle connections do not open.
MOST_SECONDS_TOO_LONG = 75.0

Readings = dict[str, float]
"""What it prints; the names are in its source."""


def compiled() -> Path:
    """Return the load generator, compiled if it is older than its source.

    Raises:
        Failed: If there is no C compiler, or it refuses the source.
    """
    if PROGRAM.exists() and PROGRAM.stat().st_mtime >= SOURCE.stat().st_mtime:
        return PROGRAM
    if shutil.which("cc") is None:
        raise Failed("the load generator is compiled with `cc`, and there is none: install a C compiler")
    PROGRAM.parent.mkdir(exist_ok=True)
    command = ["cc", "-O2", "-Wall", "-Wextra", "-o", str(PROGRAM), str(SOURCE)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        raise Failed(f"cc refused load.c:\n{said.stderr}")
    return PROGRAM


@contextmanager
def loaded(words: str, *, port: int, upstream: int, seconds: float) -> Iterator[Readings]:
    """Load what relays that port to that upstream; in mode ``idle``, until the context ends.

    Args:
        words: The mode and its options.
        port: Where to connect to.
        upstream: Where to listen.
        seconds: How long, without the first connections and without warming up.

    Raises:
        Failed: With the reason it gave.
    """
    ports = ["--connect", str(port), "--upstream", str(upstream)]
    command = [str(compiled()), *words.split(), *ports, "--seconds", str(seconds)]
    with running(command, is_heard=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        if not select.select([process.stdout], [], [], seconds + MOST_SECONDS_TOO_LONG)[0]:
            raise Failed("the load generator hangs")
        line = process.stdout.readline()
        if not line:
            raise Failed(process.stderr.read().strip() or "the load generator printed nothing")
        readings: Readings = json.loads(line)
        if readings["idle"] < idle_wanted(words):
            raise Failed(f"only {readings['idle']:,} of {idle_wanted(words):,} idle connections opened")
        yield readings


def run(words: str, *, port: int, upstream: int, seconds: float) -> Readings:
    """Load once, as `loaded` does, and return what it read."""
    with loaded(words, port=port, upstream=upstream, seconds=seconds) as readings:
        return readings


def idle_wanted(words: str) -> int:
    """Return how many idle connections these words ask for."""
    _, _, after = words.partition("--idle ")
    return int(after.split()[0]) if after else 0
