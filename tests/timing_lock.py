"""A lock for tests that measure time: while one of them runs, the other workers wait.

pytest-xdist runs tests in processes, so the locks are on files: ordinary tests share one, and a test marked
``timing`` has it exclusively.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Any two files that all workers see.
QUEUE = Path(__file__)
MACHINE = Path(__file__).with_name("conftest.py")


def measures_time(item: pytest.Item) -> bool:
    """Return whether a test's verdict depends on the speed of the machine."""
    return item.get_closest_marker("timing") is not None


@contextmanager
def holding_the_machine(*, alone: bool) -> Iterator[None]:
    """Wait until no test runs that may not run beside this one; then keep such tests waiting.

    Args:
        alone: Whether no test may run beside this one; else only a test that must be alone may not.
    """
    import fcntl

    with QUEUE.open() as queue, MACHINE.open() as machine:
        # In the order of arrival: otherwise ordinary tests, which share, would keep the other one waiting.
        fcntl.flock(queue, fcntl.LOCK_EX)
        fcntl.flock(machine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(queue, fcntl.LOCK_UN)
        yield


# First, so that the time it waits is not part of the test's own.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test when those beside it allow that; without workers there are none."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return (yield)
    with holding_the_machine(alone=measures_time(item)):
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put those that measure time last: before each of them, the other workers run idle."""
    items.sort(key=measures_time)
