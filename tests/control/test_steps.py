"""The steps of a change from a method to the controller, as CONTRIBUTING.md lists them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tests.api.api_harness import API, new_harness
from trixter import AsyncClient
from trixter.testing import ChaosProxy

ROOT = Path(__file__).parents[2]

Profile = Callable[[FrameType, str, object], None]


def steps() -> dict[str, set[int]]:
    """Return the steps of each file that the table names."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found: dict[str, set[int]] = {}
    for number, row in re.findall(r"^\| ([1-5]) (.*)$", text, re.MULTILINE):
        for file in re.findall(r"`(\w+/\w+\.py)`", row):
            found.setdefault(file, set()).add(int(number))
    return found


STEPS = steps()


@contextmanager
def entered(set_there: Callable[[Profile | None], object]) -> Iterator[list[str]]:
    """Yield a list of the files whose functions are called, in order, each once.

    Args:
        set_there: Sets the profile function of another thread, too.
    """
    files: list[str] = []

    def profile(frame: FrameType, event: str, argument: object) -> None:
        _, _, file = frame.f_code.co_filename.partition("/src/trixter/")
        if event == "call" and file and file not in files:
            files.append(file)

    set_there(profile)
    sys.setprofile(profile)
    try:
        yield files
    finally:
        sys.setprofile(None)
        set_there(None)


def check(files: list[str], named: set[str]) -> None:
    """Check the way of a change.

    Args:
        files: The files that were entered, in order.
        named: Files that it has to come through.
    """
    assert named <= set(files)
    # The journal is told of a command, and changes nothing.
    beside = {"control/commands.py", "control/journal.py"}
    assert {file for file in files if file.startswith("control/")} <= {*STEPS} | beside
    firsts = [min(files.index(file) for file in named if step in STEPS[file]) for step in range(1, 6)]
    assert firsts == sorted(firsts), "the steps are in another order"


def test_in_this_process_a_change_takes_the_steps_of_the_table() -> None:
    with (
        ChaosProxy("127.0.0.1:9") as proxy,
        entered(lambda profile: proxy.background.call(lambda: sys.setprofile(profile))) as files,
    ):
        proxy.latency(0.25)
    check(files, {file for file in STEPS if file.startswith(("control/", "testing/"))})


async def test_over_the_api_a_change_takes_the_steps_of_the_table(anyio_backend: object) -> None:
    async with new_harness() as harness:
        client = AsyncClient(API, http=harness.http)
        with entered(lambda profile: None) as files:
            await client.latency(0.25)
    others = {"control/handles.py", "testing/chaos_proxy.py", "testing/background.py"}
    check(files, STEPS.keys() - others)
