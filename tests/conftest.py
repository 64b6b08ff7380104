"""Fixtures of all tests: Hypothesis' profiles, the loops of async tests, and the search for leaks."""

import asyncio.constants
import gc
import logging
import os
import signal
import traceback
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.leaks import nothing_left, nothing_left_on_the_loop, opened_once

pytest_plugins = ["tests.counted_lines", "tests.timing_lock"]

__all__ = ["nothing_left", "nothing_left_on_the_loop", "opened_once"]

# Quick tries the same examples in every run, so that a red test is due to the
# change at hand.  Deep looks for new ones; brief is for runs that only ask which
# lines are reached.  No deadlines: machines differ.
settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("brief", max_examples=10, deadline=None, derandomize=True)
settings.register_profile("deep", max_examples=10_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# A shell's background jobs ignore interrupts, and Python leaves that so. Some tests interrupt themselves.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Debug mode keeps a traceback for each handle (ten frames), and for each future and task (all of them), and
# looks up the source of each: a third of the time of the tests on that loop. The nearest one is enough.
asyncio.constants.DEBUG_STACK_DEPTH = 1  # type: ignore[misc]
traceback.extract_stack.__defaults__ = (None, 2)  # its frame and its limit: futures in C call it without any


def pytest_collection_finish() -> None:
    """Let no collection of garbage look at the thousands of tests again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def no_slow_callbacks() -> Iterator[None]:
    """Keep out of ``caplog`` what asyncio's debug mode says of slow callbacks: a busy machine has many."""

    def is_no_matter_of_speed(record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Executing %s took")

    logger = logging.getLogger("asyncio")
    logger.addFilter(is_no_matter_of_speed)
    yield
    logger.removeFilter(is_no_matter_of_speed)


@pytest.fixture(
    scope="module",
    # Debug mode on one loop: it takes a traceback for each handle and future, which is a third of the time
    # of these tests, and finds nothing on the other loop that it does not find on this one.
    params=[
        pytest.param(("asyncio", {"debug": True}), id="asyncio"),
        pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
    ],
)
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """Run each async test on both loops of the proxy; modules may override it."""
    return request.param
