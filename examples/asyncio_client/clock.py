"""The tested program: a client with a deadline, which retries once on a new connection."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Clock:
    """A client of a time server, over one connection that is kept."""

    def __init__(self, host: str, port: int, deadline_s: float = 2.0) -> None:
        self._host, self._port = host, port
        self._deadline_s = deadline_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def now(self) -> str:
        async with asyncio.timeout(self._deadline_s):
            try:
                return await self._ask()
            except (ConnectionError, asyncio.IncompleteReadError):
                await self.close()
                return await self._ask()

    async def close(self) -> None:
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _ask(self) -> str:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write(b"now?\n")
        return (await reader.readuntil(b"\n")).decode().strip()
