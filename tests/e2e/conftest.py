"""Fixtures of the end-to-end tests: the command, and servers behind it."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.e2e import upstreams
from tests.e2e.conversation import Conversation, address_of, converse, listener
from tests.e2e.trixter_process import Trixter
from tests.e2e.upstreams import RedisServer

Start = Callable[..., Trixter]

# For 9,000 connections in one process, and what else it has open.
MANY_DESCRIPTORS = 20_000


@pytest.fixture(scope="session", autouse=True)
def many_descriptors() -> Iterator[None]:
    """Allow this process, and those it starts, as many descriptors as the tests can use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(MANY_DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def _starting(folders: pytest.TempPathFactory) -> Iterator[Start]:
    with ExitStack() as started:

        def start(*flags: str, most_descriptors: int | None = None) -> Trixter:
            log_path = folders.mktemp("trixter") / "log"
            trixter = Trixter(log_path, *flags, most_descriptors=most_descriptors)
            started.callback(trixter.stop)
            return trixter

        yield start


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start the command with these flags; it must stop cleanly after the test."""
    with _starting(tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="module")
def upstream() -> Iterator[socket.socket]:
    """Listen, as the upstream of ``trixter``."""
    with listener() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def flags(upstream: socket.socket) -> list[str]:
    """Return the flags of ``trixter``; a module with another upstream overrides them."""
    return ["--upstream", address_of(upstream)]


@pytest.fixture(scope="module")
def trixter_of_module(tmp_path_factory: pytest.TempPathFactory, flags: list[str]) -> Iterator[Trixter]:
    """Run the command for the tests of a module: starting it takes longer than most of them."""
    with _starting(tmp_path_factory) as start:
        yield start(*flags)


@pytest.fixture
def trixter(trixter_of_module: Trixter) -> Iterator[Trixter]:
    """Have the command run with ``flags``, calm, and with no connection but those of the test."""
    yield trixter_of_module
    trixter_of_module.clear()
    trixter_of_module.hang_up()


@pytest.fixture
def conversation(trixter: Trixter, upstream: socket.socket) -> Iterator[Conversation]:
    """Hold both ends of a new connection through ``trixter``."""
    with converse(trixter, upstream) as conversation:
        yield conversation


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Run a real redis-server."""
    with upstreams.redis_server(tmp_path_factory.mktemp("redis")) as where:
        yield where


@pytest.fixture(scope="module")
def echo_port() -> Iterator[int]:
    """Run a server for thousands, which sends back what comes."""
    with upstreams.echo_server() as port:
        yield port
