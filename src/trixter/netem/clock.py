"""The time that adapters wait by."""

from __future__ import annotations

import asyncio
from typing import Protocol

import anyio

from trixter.monotonic import monotonic


class Clock(Protocol):
    """Tell the time, and wait; tests of programs that wait may bring their own."""

    def time(self) -> float:
        """Return the time, in seconds of one monotonic source."""

    async def wait(self, until: float, changed: anyio.Event) -> None:
        """Return at that time, never before it, or as soon as something has changed."""


class LoopClock:
    """The clock of the event loop that runs: asyncio's, uvloop's, or Trio's, which may be a mock."""

    def time(self) -> float:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # Trio's
            return anyio.current_time()
        # uvloop tells the time of its last turn: what arrived since would be due too early.
        return monotonic() if type(loop).__module__.startswith("uvloop") else loop.time()

    async def wait(self, until: float, changed: anyio.Event) -> None:
        # Loops may ring a little early.
        while (left_s := until - self.time()) > 0 and not changed.is_set():
            with anyio.move_on_after(left_s):
                await changed.wait()
