"""Waiting for conditions, never for time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

# For machines under load. A test that needs more than a moment of it has failed.
PATIENCE_S = 10.0


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until the condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)


async def turns(count: int = 10) -> None:
    """Let the loop turn, for what must *not* happen: whatever is ready happens within a few turns."""
    for _ in range(count):
        await asyncio.sleep(0)
