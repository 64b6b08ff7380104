"""Fixtures of the API's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.api.served import Served
from tests.api.world import World, new_world
from trixter.addresses import text_of
from trixter.api import ApiServer, create_app
from trixter.faults import Faults, Throttle
from trixter.proxy import Defaults
from trixter.proxy.listen_socket import listen_sockets


@pytest.fixture
async def world(anyio_backend: object) -> AsyncIterator[World]:
    async with new_world() as world:
        yield world


@pytest.fixture
async def calm(world: World) -> World:
    """A world with something in it that a refused call could change."""
    world.proxy.defaults = Defaults(upstream=Faults(Throttle(rate_bytes_per_s=1_000_000)))
    for _ in range(2):
        await world.connect()
    return world


@pytest.fixture
async def served(world: World) -> AsyncIterator[Served]:
    sockets = listen_sockets("127.0.0.1:0", "api")
    address = text_of(sockets[0].getsockname())
    server = ApiServer(create_app(world.controller), sockets)
    await server.start()
    yield Served(world, server, address)
    await server.stop()
