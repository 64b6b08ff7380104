"""What the API's tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.api.world import World, new_world


@pytest.fixture
async def world(anyio_backend: object) -> AsyncIterator[World]:
    async with new_world() as world:
        yield world
