"""One clock everywhere: real time goes on while a test has frozen the program's."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from freezegun import freeze_time

from trixter.monotonic import monotonic, realtime

ROOMS = Path(__file__).parents[1] / "src" / "trixter"
CLOCKS = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "time", "time_ns"}


def clocks_of(path: Path) -> Iterator[str]:
    """Yield each use of a clock of the module ``time``, by whichever import."""
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"from time import {alias.name}" for alias in node.names if alias.name in CLOCKS)
        elif isinstance(node, ast.Attribute) and node.attr in CLOCKS and ast.unparse(node.value) == "time":
            yield f"time.{node.attr}"


def test_no_other_module_reads_a_clock_of_the_module_time() -> None:
    modules = [path for path in sorted(ROOMS.rglob("*.py")) if path != ROOMS / "monotonic.py"]
    assert len(modules) > 100
    assert {str(path.relative_to(ROOMS)): found for path in modules if (found := list(clocks_of(path)))} == {}


def test_a_clock_is_found_by_whichever_import(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "import time\nfrom time import monotonic as now, sleep\nnow(); time.time(); time.sleep(0)\n"
    )
    assert list(clocks_of(module)) == ["from time import monotonic", "time.time"]


@pytest.mark.parametrize("real_asyncio", [False, True])
def test_it_goes_on_in_frozen_time(real_asyncio: bool) -> None:
    with freeze_time("2020-01-01", real_asyncio=real_asyncio):
        assert time.monotonic() == time.monotonic()
        before = monotonic()
        while monotonic() == before:  # the clock's resolution may be coarse
            pass
        assert monotonic() > before
        assert time.time() < realtime()  # noqa: TID251 - the frozen one, to show that it is


def test_it_is_the_clock_that_the_loop_and_the_kernel_read() -> None:
    before = time.monotonic()
    now = monotonic()
    assert before <= now <= time.monotonic()


def test_it_goes_on_also_if_it_was_imported_in_frozen_time() -> None:
    program = """
from freezegun import freeze_time
with freeze_time("2020-01-01"):
    import time
    from trixter.monotonic import monotonic, realtime
    before = monotonic()
    while monotonic() == before:
        pass
    print(realtime() > time.time() + 86400)
"""
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60).stdout == "True\n"
