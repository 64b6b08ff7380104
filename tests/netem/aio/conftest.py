"""What the tests of asyncio programs share: asyncio's loops only."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.netem.aio.programs import EchoServer


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("asyncio", {"debug": True}), id="asyncio"),
        pytest.param(("asyncio", {"debug": True, "use_uvloop": True}), id="uvloop"),
    ],
)
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """Run each async test on both of asyncio's loops."""
    return request.param


@pytest.fixture
async def server(anyio_backend: object) -> AsyncIterator[EchoServer]:
    """Run a server that sends back what comes, and ends when the client does."""
    server = EchoServer()
    await server.start()
    yield server
    await server.stop()
