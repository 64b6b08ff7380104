"""What all tests share: how hard Hypothesis tries, and which loops run async tests."""

import os

import pytest
from hypothesis import settings

from tests.alone import pytest_collection_modifyitems, pytest_runtest_protocol

__all__ = ["pytest_collection_modifyitems", "pytest_runtest_protocol"]  # hooks

# Quick tries the same examples in every run, so that a red test is due to the
# change at hand.  Deep looks for new ones; brief is for those who only ask which
# lines are reached.  No deadlines: machines differ.
settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("brief", max_examples=10, deadline=None, derandomize=True)
settings.register_profile("deep", max_examples=10_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("asyncio", {"debug": True}), id="asyncio"),
        pytest.param(("asyncio", {"debug": True, "use_uvloop": True}), id="uvloop"),
    ],
)
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """Run each async test on both loops of the proxy; modules may override it."""
    return request.param
