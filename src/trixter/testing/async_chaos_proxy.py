"""The proxy beside an async test."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import anyio

from trixter.control import AsyncChange, AsyncProxyHandle
from trixter.control.commands import Command, ResultT
from trixter.testing.bridge import outcome_of
from trixter.testing.local import Local


class AsyncChaosProxy(Local[AsyncChange], AsyncProxyHandle):
    """Run a proxy beside a test on asyncio or Trio: the methods of ``ChaosProxy``, awaited.

    It runs in a background thread, too: the test's loop may be as busy as it wants to be. ``async with``
    starts and closes it.

    Example:
        >>> async with AsyncChaosProxy("127.0.0.1:5432") as db:
        ...     async with db.latency(0.250):
        ...         await pool.fetch("select 1")
    """

    async def start(self) -> Self:
        """Listen. Twice is no error. The loop stands still meanwhile, for a few milliseconds.

        Raises:
            BindError: If the address cannot be had.
            RuntimeError: If it was closed.
        """
        self.hosted.start()
        return self

    async def aclose(self) -> None:
        """End every connection, give the port back, and leave no thread behind. Twice is no error.

        It does so also when cancelled.
        """
        ended = self.hosted.ask_to_close()  # from here on, it ends whoever waits for it
        with anyio.CancelScope(shield=True):
            await outcome_of(ended)
        self.hosted.close()

    async def __aenter__(self) -> Self:
        try:
            return await self.start()
        except BaseException:  # also an interrupt on the way back from it: `with` would not close it
            self.hosted.close()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _send(self, command: Command[ResultT]) -> ResultT:
        return await outcome_of(self.hosted.send(command))

    async def _sleep(self, seconds: float) -> None:
        await outcome_of(self.hosted.pause(seconds))
