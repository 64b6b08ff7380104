"""Fixtures of the data plane's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from tests.proxy.connection_harness import ConnectionHarness
from tests.proxy.proxy_harness import ProxyHarness
from tests.proxy.receive_timestamps import wait_for_timestamps


@pytest.fixture(scope="session")
def timestamps_on(opened_once: None) -> None:
    """Have the kernel add receive timestamps from the first byte of a test on."""
    wait_for_timestamps()


@pytest.fixture
async def harness(anyio_backend: object) -> AsyncIterator[ConnectionHarness]:
    """Run connections on a clock that the test moves; all of it is gone afterwards."""
    with ExitStack() as exits:
        yield ConnectionHarness(exits)


@pytest.fixture
async def proxy_harness(anyio_backend: object) -> AsyncIterator[ProxyHarness]:
    """Run proxies on the real clock; all of it is gone afterwards."""
    with ExitStack() as exits:
        yield ProxyHarness(exits)


@pytest.fixture
def exits() -> Iterator[ExitStack]:
    """Close, in the end, what was handed to it."""
    with ExitStack() as exits:
        yield exits
