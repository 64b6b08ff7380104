"""Fixtures of the API's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.api.api_harness import ApiHarness, new_harness
from tests.api.served_api import ServedApi
from trixter.addresses import text_of
from trixter.api import ApiServer, create_app
from trixter.faults import Faults, Throttle
from trixter.proxy import Defaults
from trixter.proxy.listen_socket import listen_sockets


@pytest.fixture
async def harness(anyio_backend: object) -> AsyncIterator[ApiHarness]:
    async with new_harness() as harness:
        yield harness


@pytest.fixture
async def calm(harness: ApiHarness) -> ApiHarness:
    """A harness with defaults and connections that a refused call could change."""
    harness.proxy.defaults = Defaults(upstream=Faults(Throttle(rate_bytes_per_s=1_000_000)))
    for _ in range(2):
        await harness.connect()
    return harness


@pytest.fixture
async def served(harness: ApiHarness) -> AsyncIterator[ServedApi]:
    sockets = listen_sockets("127.0.0.1:0", "api")
    address = text_of(sockets[0].getsockname())
    server = ApiServer(create_app(harness.controller), sockets)
    await server.start()
    yield ServedApi(harness, server, address)
    await server.stop()
