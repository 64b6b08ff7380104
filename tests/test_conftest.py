"""The fixtures of all tests: verdicts do not depend on the speed of the machine, and counting is cheap."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from coverage import Coverage
from hypothesis import given, settings
from hypothesis.strategies import integers

from tests.counted_lines import COUNTED, COUNTED_EXAMPLES, COUNTED_VARIANTS, with_first_examples_counted


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"debug": True})])
async def test_a_slow_callback_is_not_logged(anyio_backend: object, caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = 0.0
    for _ in range(3):
        await asyncio.sleep(0)
    logging.getLogger("asyncio").error("an error")
    assert [record.getMessage() for record in caplog.records] == ["an error"]


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"debug": True})])
async def test_a_future_keeps_its_caller(anyio_backend: object) -> None:
    future = asyncio.get_running_loop().create_future()
    caller, callee = future._source_traceback  # type: ignore[attr-defined]
    assert (caller.name, callee.name) == ("test_a_future_keeps_its_caller", "create_future")


@pytest.mark.parametrize("nth", range(COUNTED_VARIANTS + 2))
def test_the_first_variants_count(nth: int, request: pytest.FixtureRequest) -> None:
    assert request.node.stash[COUNTED] == (nth < COUNTED_VARIANTS)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let something count lines, in place of coverage."""
    monkeypatch.setattr(Coverage, "current", lambda: "something")
    former = sys.gettrace()
    sys.settrace(lambda frame, event, argument: None)
    yield
    sys.settrace(former)


@pytest.mark.usefixtures("counting")
def test_the_first_examples_count() -> None:
    counted: list[bool] = []

    @settings(max_examples=COUNTED_EXAMPLES + 5)
    @given(integers())
    def test(number: int) -> None:
        counted.append(sys.gettrace() is not None)

    with ExitStack() as counted_again:
        hypothesis = test.hypothesis  # type: ignore[attr-defined]
        hypothesis.inner_test = with_first_examples_counted(hypothesis.inner_test, counted_again)
        test()
    assert counted == [True] * COUNTED_EXAMPLES + [False] * 5
    assert sys.gettrace() is not None


@pytest.mark.usefixtures("uncounted_programs")
def test_a_program_counts_no_lines_if_a_test_says_so() -> None:
    code = "import sys; print('coverage' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
