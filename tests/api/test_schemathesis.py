"""Whatever the description allows is taken, whatever it forbids is refused, and nothing is a 500."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import schemathesis
from anyio.from_thread import start_blocking_portal
from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.api.api_harness import new_harness
from trixter.addresses import text_of
from trixter.api import ApiServer, create_app
from trixter.proxy.listen_socket import listen_sockets

# Generating takes its time where every line is counted.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@asynccontextmanager
async def _served() -> AsyncIterator[str]:
    """Serve the API of a proxy that has a connection; return its address."""
    async with new_harness() as harness:
        await harness.connect()
        sockets = listen_sockets("127.0.0.1:0", "api")
        server = ApiServer(create_app(harness.controller), sockets)
        await server.start()
        yield text_of(sockets[0].getsockname())
        await server.stop()


@pytest.fixture
def address() -> Iterator[str]:
    # In a thread: schemathesis asks from ordinary functions.
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(_served()) as address:
        yield address


# By hand rather than by its pytest plugin, which reaches into parts of pytest that 9.2 no longer has.
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: str(mode.value))
def test_the_api_keeps_to_its_description(address: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"http://{address}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) > 10
    for operation in operations:
        if mode is GenerationMode.POSITIVE or operation.body:  # an id alone cannot be wrong
            _ask(operation.as_strategy(generation_mode=mode))


def _ask(cases: SearchStrategy[Any]) -> None:
    @settings(max_examples=10)
    @given(case=cases)
    def ask(case: Any) -> None:
        # A schema cannot say that 250.0 is no whole number, or that a variation is less than the size.
        has_body = bool(case.operation.body)
        case.call_and_validate(excluded_checks=[positive_data_acceptance] if has_body else [])

    ask()
