"""The API served over real sockets."""

from __future__ import annotations

import asyncio

from tests.api.api_harness import ApiHarness
from trixter.api import ApiServer


class ServedApi:
    """The API on a port, and the harness of its proxy."""

    def __init__(self, harness: ApiHarness, server: ApiServer, address: str) -> None:
        self.harness = harness
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
