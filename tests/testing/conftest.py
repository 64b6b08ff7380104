"""Fixtures of the tests of ``trixter.testing``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.testing.echo import echo_server
from tests.testing.suites import CONFTEST


@pytest.fixture
def echo() -> Iterator[str]:
    """Run a server that sends back what it gets; give its address."""
    with echo_server() as address:
        yield address


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """Return a folder for tests, in which an echo server is at hand."""
    pytester.makeconftest(CONFTEST)
    return pytester
