"""Waking a task that waits, from any thread."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Waker:
    """Call something on the event loop that made this: at once from its own thread, else as soon as it turns.

    Made while a task of that loop runs: asyncio's, uvloop's, or Trio's.
    """

    __slots__ = ("_call_soon", "_thread")

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        try:
            self._call_soon: Callable[..., object] = asyncio.get_running_loop().call_soon_threadsafe
        except RuntimeError:  # Trio's
            trio: Any = sys.modules["trio"]
            self._call_soon = trio.lowlevel.current_trio_token().run_sync_soon

    def call(self, function: Callable[[], object]) -> None:
        """Call it; not at all if the loop has ended, because nothing waits there any more."""
        if threading.get_ident() == self._thread:
            function()
        else:
            with suppress(RuntimeError):  # asyncio's word, and the base of Trio's, for a loop that has ended
                self._call_soon(function)
