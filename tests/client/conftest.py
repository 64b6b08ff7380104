"""Fixtures of the clients' tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.api.world import API, World, new_world
from trixter import AsyncClient


@pytest.fixture
async def world(anyio_backend: object) -> AsyncIterator[World]:
    async with new_world() as world:
        yield world


@pytest.fixture
def client(world: World) -> AsyncClient:
    """Return a client of the world's proxy that needs no socket."""
    return AsyncClient(API, http=world.http)
