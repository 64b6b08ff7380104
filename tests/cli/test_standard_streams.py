"""Standard streams that the caller has closed."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

REPORT = """
import os, sys
from trixter.cli import _open_standard_streams
_open_standard_streams()
files = [os.fstat(number).st_rdev for number in range(3)]
inherited = [os.get_inheritable(number) for number in range(3)]
print("lost", flush=True), print("lost", file=sys.stderr, flush=True)
with open(sys.argv[1], "w") as report:
    null = os.stat(os.devnull).st_rdev
    print(*[each == null for each in files], all(inherited), report.fileno(), file=report)
"""


@pytest.mark.parametrize(
    "closed", [each for count in range(1, 4) for each in combinations(range(3), count)], ids=str
)
def test_the_null_device_takes_the_place_of_each_that_is_closed(
    tmp_path: Path, closed: tuple[int, ...]
) -> None:
    closing = " ".join(f"{number}{'<' if number == 0 else '>'}&-" for number in closed)
    report = tmp_path / "report"
    subprocess.run(
        ["sh", "-c", f'exec "$@" {closing}', "sh", sys.executable, "-c", REPORT, str(report)],
        stdin=subprocess.PIPE,
        capture_output=True,
        check=True,
    )
    nulls = [str(number in closed) for number in range(3)]
    assert report.read_text().split() == [*nulls, "True", "3"]
