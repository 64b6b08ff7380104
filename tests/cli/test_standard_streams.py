"""Standard streams that are closed, full, or of an encoding without arrows."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from tests.cli.program import COMMAND

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


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize(
    "args", [["--version"], ["ls", "--help"], ["profiles"], ["profiles", "--json"]], ids=" ".join
)
def test_an_output_that_is_full_is_one_line_on_standard_error(args: list[str]) -> None:
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", COMMAND, *args],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    line = "trixter: cannot write the output: no space left on device\n"
    assert (ended.returncode, ended.stderr) == (1, line)


@pytest.mark.slow
def test_a_character_that_the_encoding_lacks_is_escaped(tmp_path: Path) -> None:
    file = tmp_path / "networks.toml"
    file.write_text('[profiles.tunnel]\nsource = "A \u2192 B"\nround_trip_ms = 90\n', encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-c", COMMAND, "profiles", "--json", "--profiles-file", str(file)],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert rb"A \u2192 B" in ended.stdout
