"""A world whose API is served over real sockets."""

from __future__ import annotations

import asyncio

from tests.api.world import World
from trixter.api import ApiServer


class Served:
    """A world whose API listens on a port."""

    def __init__(self, world: World, server: ApiServer, address: str) -> None:
        self.world = world
        self.server = server
        self.url = f"http://{address}"
        self.host, _, port = address.rpartition(":")
        self.port = int(port)

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send these bytes; return the status and the body of the answer, which must end the connection."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(request)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        return int(head.split()[1]), body
