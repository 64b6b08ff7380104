"""The lines that are counted: those of the first variants of each test, and of a property's first examples.

Counting doubles the time of all that runs in Python, in tests and in the programs that they start. What comes
later is run and checked all the same, and reaches few other lines.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import sys
import threading
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import ExitStack
from typing import Any

import pytest
from coverage import Coverage

# Of a test that is parametrized, and of one by Hypothesis.
COUNTED_VARIANTS = 2
COUNTED_EXAMPLES = 10

# The loops on which lines are not counted; what only they reach is little.
UNCOUNTED_LOOPS = [("asyncio", {"use_uvloop": True}), ("trio", {})]

# It makes programs count.
VARIABLE = "COVERAGE_PROCESS_CONFIG"

COUNTED = pytest.StashKey[bool]()


def is_one_of_the_first(item: pytest.Item, counted: Counter[str]) -> bool:
    """Return whether a test is to count, and count it among its variants."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    if params.get("anyio_backend") in UNCOUNTED_LOOPS:
        return False
    name = item.nodeid.partition("[")[0]
    counted[name] += 1
    return counted[name] <= COUNTED_VARIANTS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Choose those that count: the same in each worker, since each of them finds all tests."""
    counted: Counter[str] = Counter()
    for item in items:
        item.stash[COUNTED] = is_one_of_the_first(item, counted)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Count no lines for a test that was not chosen, and of a slow one only those of programs it starts."""
    is_counted = item.stash.get(COUNTED, True)
    if Coverage.current() is None or (is_counted and item.get_closest_marker("slow") is None):
        return (yield)
    with ExitStack() as counted_again, pytest.MonkeyPatch.context() as environment:
        if not is_counted:
            environment.delenv(VARIABLE, raising=False)
        stop_counting(counted_again)
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Count no lines for later examples of Hypothesis."""
    hypothesis = getattr(getattr(item, "obj", None), "hypothesis", None)
    if hypothesis is None or Coverage.current() is None or not item.stash.get(COUNTED, True):
        return (yield)
    test = hypothesis.inner_test
    with ExitStack() as counted_again:
        hypothesis.inner_test = with_first_examples_counted(test, counted_again)
        counted_again.callback(setattr, hypothesis, "inner_test", test)
        return (yield)


def with_first_examples_counted(test: Callable[..., Any], counted_again: ExitStack) -> Callable[..., Any]:
    """Return a test of Hypothesis that stops counting in time."""
    examples = itertools.count(1)

    def begin() -> None:
        if next(examples) == COUNTED_EXAMPLES + 1:
            stop_counting(counted_again)

    if inspect.iscoroutinefunction(test):

        @functools.wraps(test)
        async def counted(*args: Any, **kwargs: Any) -> Any:
            begin()
            return await test(*args, **kwargs)

    else:

        @functools.wraps(test)
        def counted(*args: Any, **kwargs: Any) -> Any:
            begin()
            return test(*args, **kwargs)

    return counted


def stop_counting(counted_again: ExitStack) -> None:
    """Stop it until the stack is left.

    By ``settrace``, which takes microseconds: to stop and start coverage itself takes 6 ms.
    """
    if Coverage.current() is not None:
        counted_again.callback(sys.settrace, sys.gettrace())
        counted_again.callback(threading.settrace, threading.gettrace())
        threading.settrace(None)
        sys.settrace(None)


@pytest.fixture
def uncounted_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count no lines in the programs that a test starts: for tests whose lines others reach."""
    monkeypatch.delenv(VARIABLE, raising=False)
