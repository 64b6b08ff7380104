"""Fixtures of the clients' tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.api.api_harness import API, ApiHarness, new_harness
from trixter import AsyncClient


@pytest.fixture
async def harness(anyio_backend: object) -> AsyncIterator[ApiHarness]:
    async with new_harness() as harness:
        yield harness


@pytest.fixture
def client(harness: ApiHarness) -> AsyncClient:
    """Return a client of the harness's proxy that needs no socket."""
    return AsyncClient(API, http=harness.http)
