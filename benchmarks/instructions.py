"""Count user instructions: ``python -m benchmarks.instructions``. The count decides on a busy machine, too.

Times of a machine that is shared differ by half from run to run, these counts by a ten-thousandth. They see
neither the kernel nor the caches; the benchmark does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.generator import compile_if_older
from benchmarks.peers import HERE
from benchmarks.process import Failed

SOURCE = HERE / "callgrind.c"
LIBRARY = HERE / "build" / "callgrind.so"

# The counts that the counted program makes, and of how much each is.
REFERENCE, QUIET, LOGGED, EXCHANGED = "reference", "quiet", "logged", "exchanged"
DELAYED, THROTTLED, UNSLICED, SLICED = "delayed", "throttled", "unsliced", "sliced"
CORRUPTED, TERMINATED = "corrupted", "terminated"
REFERENCE_ROUNDS = 2000
CONNECTIONS = 512
MESSAGES = 1000
FAULTY_MESSAGES = 250

# Of a round of the reference, with the Python that the limits are for: CPython 3.11.7 without PGO and LTO.
ROUND_INSTRUCTIONS = 11_155

MOST_SECONDS = 300


@dataclass(frozen=True)
class Limit:
    """What is counted, and the most that it may take.

    Args:
        what: For people.
        name: That of the count.
        units: So many were counted together.
        most: Instructions of one; None if there is no limit.
    """

    what: str
    name: str
    units: int
    most: int | None = None


# What is reached, and 3 %: where objects lie in memory is worth 2 %. And 5 % for a calm message: that is what
# malloc is worth, which has a buffer for it at hand, or not.
LIMITS = (
    Limit("a new connection, log off", QUIET, CONNECTIONS, 82_000),
    Limit("a new connection, log as by default", LOGGED, CONNECTIONS, 122_000),
    Limit("a message there and back, 50 connections", EXCHANGED, MESSAGES, 11_900),
    Limit("  under latency", DELAYED, FAULTY_MESSAGES, 179_500),
    Limit("  under a throttle that holds it", THROTTLED, FAULTY_MESSAGES, 195_700),
    Limit("  under slice, in one piece", UNSLICED, FAULTY_MESSAGES, 16_450),
    Limit("  under slice, in four pieces", SLICED, FAULTY_MESSAGES, 78_600),
    Limit("  under corrupt, 1 % of operations", CORRUPTED, FAULTY_MESSAGES, 41_900),
    Limit("  under terminate, 1 % of operations", TERMINATED, FAULTY_MESSAGES, 23_000),
)


def main() -> int:
    try:
        lines, is_met = report(counts(), LIMITS)
    except Failed as exc:
        print(f"instructions: {exc}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0 if is_met else 1


def counts() -> dict[str, int]:
    """Run the counted program under callgrind, and return its counts.

    Raises:
        Failed: If a tool is missing, or the program fails.
    """
    if shutil.which("valgrind") is None:
        raise Failed("callgrind counts, and there is none: install valgrind")
    library = compile_if_older(LIBRARY, SOURCE, "-shared", "-fPIC")
    with TemporaryDirectory() as folder:
        command = [
            *["valgrind", "--tool=callgrind", "--instr-atstart=no", "--collect-atstart=no"],
            f"--callgrind-out-file={folder}/out",
            *[sys.executable, "-m", "benchmarks.counted", str(library)],
        ]
        # The order of sets, and so the way through a dictionary, is the same in each run.
        env = os.environ | {"PYTHONHASHSEED": "0"}
        try:
            said = subprocess.run(
                command, env=env, capture_output=True, text=True, check=False, timeout=MOST_SECONDS
            )
        except subprocess.TimeoutExpired as exc:
            raise Failed(f"it took more than {MOST_SECONDS} s") from exc
        if said.returncode:
            raise Failed(f"the counted program failed:\n{said.stderr}")
        return dict(each for path in sorted(Path(folder).iterdir()) for each in read_count(path.read_text()))


def read_count(profile: str) -> Iterable[tuple[str, int]]:
    """Yield the name and the count of one of callgrind's files; nothing for the one at the end."""
    name = re.search(r"^desc: Trigger: Client Request: (.+)$", profile, re.MULTILINE)
    total = re.search(r"^totals: (\d+)$", profile, re.MULTILINE)
    if name and total:
        yield name[1], int(total[1])


def report(counted: dict[str, int], limits: Iterable[Limit]) -> tuple[list[str], bool]:
    """Return a line for each limit, and whether all are met.

    Another build of Python takes more or fewer instructions for all it does: counts are scaled by those that
    it takes for the reference.
    """
    here = counted[REFERENCE] / REFERENCE_ROUNDS
    lines = [f"user instructions (a round of the reference: {here:,.0f}, scaled to {ROUND_INSTRUCTIONS:,})"]
    is_met = True
    for each in limits:
        scaled = counted[each.name] / each.units * ROUND_INSTRUCTIONS / here
        line = f"  {each.what:<42}{scaled:>9,.0f}"
        if each.most is not None:
            is_over = scaled > each.most
            is_met = is_met and not is_over
            line += f"  at most {each.most:>7,}" + ("  too many" if is_over else "")
        lines.append(line)
    return lines, is_met


if __name__ == "__main__":
    sys.exit(main())
