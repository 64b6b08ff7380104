"""Fixtures of the adapters' tests: every event loop they run on."""

from __future__ import annotations

import pytest

from tests.netem.streams import SteppedClock


@pytest.fixture(
    scope="module",
    # Debug mode on one loop, as in tests/conftest.py.
    params=[
        pytest.param(("asyncio", {"debug": True}), id="asyncio"),
        pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
        pytest.param(("trio", {}), id="trio"),
    ],
)
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """Run each async test on both of asyncio's loops, and on Trio."""
    return request.param


@pytest.fixture
def clock() -> SteppedClock:
    """Return a clock that only the test moves."""
    return SteppedClock()
