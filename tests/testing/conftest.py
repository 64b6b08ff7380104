"""What the tests of ``trixter.testing`` share."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.proxy.descriptors import open_descriptors
from tests.testing.echo import echo_server
from tests.testing.suites import CONFTEST
from trixter.testing.loop_thread import LoopThread


@pytest.fixture(scope="session")
def first_loop() -> None:
    """Have had a loop: libuv opens a pipe for signals with the first one, and keeps it for the process."""
    thread = LoopThread()
    thread.start()
    thread.stop()


@pytest.fixture
def nothing_left(first_loop: None) -> Iterator[None]:
    """Fail if a test leaves a thread or a descriptor behind."""
    before = own_threads(), len(open_descriptors())
    yield
    assert (own_threads(), len(open_descriptors())) == before, open_descriptors()


def own_threads() -> list[threading.Thread]:
    """Return the threads there are, less those that Trio keeps for a while, for its name lookups."""
    return [thread for thread in threading.enumerate() if not thread.name.startswith("Trio thread")]


@pytest.fixture
def echo(nothing_left: None) -> Iterator[str]:
    """Run a server that sends back what it gets; give its address."""
    with echo_server() as address:
        yield address


@pytest.fixture
def suite(pytester: pytest.Pytester, first_loop: None) -> pytest.Pytester:
    """Return a folder for tests, in which an echo server is at hand."""
    pytester.makeconftest(CONFTEST)
    return pytester
