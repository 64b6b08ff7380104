"""From the proxy's thread to whoever awaits it, on asyncio and on Trio."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

import anyio

T = TypeVar("T")


async def outcome_of(future: Future[T]) -> T:
    """Await what another thread resolves; return its result, or raise its error.

    Cancelling gives up the waiting. What the other thread does, it does all the same.
    """
    if not future.done():
        resolved, wake = anyio.Event(), _waker()

        def on_resolved(_: Future[T]) -> None:
            with suppress(RuntimeError):  # nobody waits any more: that loop has ended
                wake(resolved.set)

        future.add_done_callback(on_resolved)
        await resolved.wait()
    return future.result()


def _waker() -> Callable[[Callable[[], object]], Any]:
    """Return what calls back in the loop that runs here, from any thread."""
    trio = sys.modules.get("trio")  # where it is not imported, it does not run
    if trio is not None:
        with suppress(RuntimeError):
            wake: Callable[[Callable[[], object]], Any] = trio.lowlevel.current_trio_token().run_sync_soon
            return wake
    return asyncio.get_running_loop().call_soon_threadsafe
