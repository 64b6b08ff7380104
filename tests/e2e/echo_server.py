"""An upstream in a process of its own: echo, for thousands of clients at once.

Started as a script; prints the port it listens on.
"""

from __future__ import annotations

import asyncio
import socket

BACKLOG = 4096


class Echo(asyncio.Protocol):
    """Send back what comes, no faster than it is read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)

    def pause_writing(self) -> None:
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()


async def main() -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as sock:
        server = await loop.create_server(Echo, sock=sock, backlog=BACKLOG)
        print(sock.getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
