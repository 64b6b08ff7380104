"""What the data plane's tests share."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from tests.proxy.descriptors import open_descriptors
from tests.proxy.house import House
from tests.proxy.street import Street
from tests.proxy.waiting import turns


@pytest.fixture
async def no_descriptor_left(anyio_backend: object) -> AsyncIterator[None]:
    """Fail if a test leaves more descriptors open than there were."""
    await turns(3)  # the loop opens some of its own at first
    gc.disable()  # what an earlier test's garbage holds is counted both times
    try:
        before = open_descriptors()
        yield
        await turns(3)
        # Counted, for uvloop trades some of its own for others.
        assert len(after := open_descriptors()) == len(before), sorted(set(after) - set(before))
    finally:
        gc.enable()


@pytest.fixture
async def house(no_descriptor_left: None) -> AsyncIterator[House]:
    """Run connections on a clock that the test moves; all of it is gone afterwards."""
    with ExitStack() as exits:
        yield House(exits)


@pytest.fixture
async def street(no_descriptor_left: None) -> AsyncIterator[Street]:
    """Run proxies on the real clock; all of it is gone afterwards."""
    with ExitStack() as exits:
        yield Street(exits)


@pytest.fixture
def exits() -> Iterator[ExitStack]:
    """Close, in the end, what was handed to it."""
    with ExitStack() as exits:
        yield exits
