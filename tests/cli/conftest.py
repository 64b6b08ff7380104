"""Fixtures of the command's tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from benchmarks.ports import unused_ports
from tests.cli.program import Program
from trixter.cli.signals import STOP_SIGNALS


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the developer has set for the command away from the tests."""
    for name in os.environ:
        if name.startswith("TRIXTER_") or name == "RUST_LOG":
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """Let commands that run in this process catch signals, until the test is over."""
    caught = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in caught.items():
        signal.signal(number, handler)


@pytest.fixture
def free_ports() -> tuple[int, int]:
    """Two ports that nothing has, for a program whose log does not tell where it is."""
    listen, api = unused_ports(2)
    return listen, api


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    """Start ``trixter`` with these arguments; whatever still runs at the end is killed."""
    started: list[Program] = []

    def start(*args: str, **settings: object) -> Program:
        started.append(Program(*args, **settings))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for program in started:
        program.kill()
