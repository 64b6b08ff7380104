"""Fixtures of all tests: Hypothesis' profiles, the loops of async tests, and the search for leaks."""

import asyncio.constants
import logging
import os
import signal
from collections.abc import Generator, Iterator

import pytest
from coverage import Coverage
from hypothesis import settings

from tests.leaks import nothing_left, nothing_left_on_the_loop, opened_once
from tests.timing_lock import pytest_collection_modifyitems, pytest_runtest_protocol

# Hooks and fixtures.
__all__ = [
    "nothing_left",
    "nothing_left_on_the_loop",
    "opened_once",
    "pytest_collection_modifyitems",
    "pytest_runtest_protocol",
]

# Quick tries the same examples in every run, so that a red test is due to the
# change at hand.  Deep looks for new ones; brief is for runs that only ask which
# lines are reached.  No deadlines: machines differ.
settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("brief", max_examples=10, deadline=None, derandomize=True)
settings.register_profile("deep", max_examples=10_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# The loops on which lines are not counted; what only they reach is little.
UNCOUNTED_LOOPS = [("asyncio", {"use_uvloop": True}), ("trio", {})]

# A shell's background jobs ignore interrupts, and Python leaves that so. Some tests interrupt themselves.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Debug mode keeps a traceback for each handle and future: ten frames, each with a look at the source file,
# took a fifth of the time of the tests on that loop. No test reads them, and the nearest names the caller.
asyncio.constants.DEBUG_STACK_DEPTH = 1  # type: ignore[misc]


def repeats_lines(item: pytest.Item) -> bool:
    """Return whether a test mostly runs lines that a quicker one reaches, or itself on another loop."""
    loop = getattr(item, "callspec", None) and item.callspec.params.get("anyio_backend")  # type: ignore[attr-defined]
    return item.get_closest_marker("slow") is not None or loop in UNCOUNTED_LOOPS


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Count no lines for tests that mostly repeat: counting doubles the time of a test."""
    counting = Coverage.current() if repeats_lines(item) else None
    if counting is None:
        return (yield)
    counting.stop()
    try:
        return (yield)
    finally:
        counting.start()


@pytest.fixture
def uncounted_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count no lines in the programs that a test starts: for tests whose lines others reach."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


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
