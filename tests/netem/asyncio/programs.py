"""Programs of asyncio users: a server, and protocols that record their callbacks."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.proxy.waiting import until


class EchoServer:
    """Send back what comes; keep the connections, so that a test can end them."""

    def __init__(self, **options: Any) -> None:
        self._options = options
        self.transports: list[asyncio.Transport] = []
        self.received = bytearray()
        self.is_mute = False
        """Whether it sends nothing back."""
        self.endings: list[str] = []
        """How each connection ended: with an end, or the name of an error."""
        self.open_connections = 0

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Echo(self), "127.0.0.1", 0, **self._options)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for transport in self.transports:
            transport.abort()
        await until(lambda: not self.open_connections)


class _Echo(asyncio.Protocol):
    def __init__(self, server: EchoServer) -> None:
        self._server = server

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._server.transports.append(transport)
        self._server.open_connections += 1

    def data_received(self, data: bytes) -> None:
        self._server.received += data
        if not self._server.is_mute:
            self._transport.write(data)

    def eof_received(self) -> None:
        self._server.endings.append("end")

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.open_connections -= 1
        if exc is not None:
            self._server.endings.append(type(exc).__name__)


class Noting(asyncio.Protocol):
    """Note every callback, in order."""

    def __init__(self, *, keeps_open: bool = False) -> None:
        self.calls: list[str] = []
        self.received = b""
        self.lost: BaseException | None = None
        self._keeps_open = keeps_open

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.Transport = transport
        self.calls.append("made")

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.calls.append("data")

    def eof_received(self) -> bool:
        self.calls.append("eof")
        return self._keeps_open

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost = exc
        self.calls.append("lost")


class NotingBuffered(asyncio.BufferedProtocol):
    """The same, with a small buffer of its own."""

    def __init__(self) -> None:
        self.received = b""
        self._buffer = bytearray(3)

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.Transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.received += self._buffer[:nbytes]
