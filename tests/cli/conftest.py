"""What the command's tests share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.cli.program import Program


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the developer has set for the command away from the tests."""
    for name in os.environ:
        if name.startswith("TRIXTER_"):
            monkeypatch.delenv(name)


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
