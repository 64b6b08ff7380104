"""Leaks: the descriptors, threads and tasks that a test leaves behind, found in the test that leaves them.

``tests/conftest.py`` puts ``nothing_left`` around every test. The check waits for what ends a moment after
it: a transport that is closing, a thread that returns. It does not wait for the garbage collector, which
runs at a time of its own: an object that only the collector closes would fail some later test.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
import stat
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import anyio.lowlevel
import pytest
import sniffio

from tests.proxy.waiting import PATIENCE_S
from trixter.proxy.timestamps import stamp_arrivals

# Threads of pools, which wait for the next call and end with their loop; Trio's end after 10 s without one.
POOLS_OF_A_LOOP = ("asyncio_", "uvloop_", "ThreadPoolExecutor-", "AnyIO worker thread", "Trio thread")
POOLS_OF_THE_PROCESS = ("Trio thread",)

# The tasks in which AnyIO's plugin runs tests and fixtures, one after another.
ANYIO = "TestRunner."

# A loop opens descriptors of its own when it first turns.
FIRST_TURNS = 3

# What ends soon ends within so many turns of the loop; then it is waited for without using up the processor.
QUICK_TURNS = 100
LOOK_AGAIN_AFTER_S = 0.002


# libuv opens it when a loop first listens, and keeps it until the loop is closed.
KEPT_BY_A_LOOP = (os.devnull,)


class Belongings:
    """The descriptors, the threads and the tasks that exist, each with a description.

    Args:
        pools: Beginnings of names of threads that do not count.
        kept: Descriptions of descriptors of which one more does not count.
    """

    def __init__(self, pools: tuple[str, ...] = POOLS_OF_THE_PROCESS, kept: tuple[str, ...] = ()) -> None:
        self._pools = pools
        self._descriptors = Counter([*open_descriptors(), *kept])
        self._threads = set(threading.enumerate())
        self._tasks = _tasks()

    def left_since(self) -> list[str]:
        """Describe what exists now and did not exist when this was made."""
        # As multisets of descriptions: uvloop replaces its own pair of sockets each time it runs.
        descriptors = Counter(open_descriptors()) - self._descriptors
        threads = [
            thread
            for thread in threading.enumerate()
            if thread not in self._threads and not thread.name.startswith(self._pools)
        ]
        return [
            *(f"descriptor of {description}" for description in sorted(descriptors.elements())),
            *(f"thread {thread.name!r}" for thread in threads),
            *(f"task {task.get_name()!r}: {task.get_coro()!r}" for task in _tasks() - self._tasks),
        ]


@pytest.fixture(scope="session")
def opened_once() -> None:
    """Open what a process opens once and keeps, so that no test is blamed for it."""
    if sys.platform != "win32":
        import uvloop

        uvloop.new_event_loop().close()  # libuv's pipe for signals
    with socket.socket() as sock:
        stamp_arrivals(sock)  # with such a socket the kernel adds receive timestamps


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest, opened_once: None) -> Iterator[None]:
    """Fail a test that leaves a descriptor, a thread or a task behind."""
    if inspect.iscoroutinefunction(request.function):
        # Set up and torn down on the test's loop, where what is closing can end.
        request.getfixturevalue("nothing_left_on_the_loop")
        yield
        return
    before = Belongings()
    yield
    deadline = time.monotonic() + PATIENCE_S
    while (left := before.left_since()) and time.monotonic() < deadline:
        time.sleep(LOOK_AGAIN_AFTER_S)  # noqa: TID251 - until a condition holds that nothing tells of
    fail_if_any(left)


@pytest.fixture
async def nothing_left_on_the_loop(anyio_backend: object) -> AsyncIterator[None]:
    """Do the same for a test that runs on a loop."""
    for _ in range(FIRST_TURNS):
        await anyio.lowlevel.checkpoint()
    before = Belongings(POOLS_OF_A_LOOP, KEPT_BY_A_LOOP)
    yield
    deadline, turns = time.monotonic() + PATIENCE_S, 0
    while (left := before.left_since()) and time.monotonic() < deadline:
        await anyio.sleep(0 if turns < QUICK_TURNS else LOOK_AGAIN_AFTER_S)
        turns += 1
    fail_if_any(left)


def fail_if_any(left: list[str]) -> None:
    """Fail with a list of what a test has left behind."""
    if left:
        pytest.fail("left behind by this test:\n  " + "\n  ".join(left), pytrace=False)


def open_descriptors() -> list[str]:
    """Describe what each descriptor of this process stands for; where there is no /proc, nothing."""
    if not os.path.isdir("/proc/self/fd"):
        return []
    descriptions = []
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # that of the listing itself
            target = os.readlink(f"/proc/self/fd/{number}")
            descriptions.append(_socket_at(int(number)) if target.startswith("socket:") else target)
    return descriptions


def _socket_at(number: int) -> str:
    with suppress(OSError):  # no room for another descriptor, or closed by another thread meanwhile
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            with socket.socket(fileno=os.dup(number)) as sock:
                kind = f"{sock.family.name} {sock.type.name}"
                with suppress(OSError):
                    kind += f" {sock.getsockname()!r}"
                with suppress(OSError):
                    kind += f" to {sock.getpeername()!r}"
                return kind
    return "socket"


def _tasks() -> set[asyncio.Task[Any]]:
    try:
        on_asyncio = sniffio.current_async_library() == "asyncio"
    except sniffio.AsyncLibraryNotFoundError:
        on_asyncio = False
    tasks = asyncio.all_tasks() if on_asyncio else set()
    return {task for task in tasks if not getattr(task.get_coro(), "__qualname__", "").startswith(ANYIO)}
