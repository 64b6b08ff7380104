"""One loop for tests of answers: those do not depend on the loop, as what happens to sockets may."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def anyio_backend() -> object:
    """Run the async tests of a module on the loop that the command prefers, which is also the faster one."""
    return "asyncio", {"use_uvloop": True}
