"""The API server, on the loop that carries the traffic."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from trixter.addresses import text_of
from trixter.api.http_protocol import HEAD_BYTES, ApiProtocol
from trixter.api.limits import ConnectionLimit, RefusalLog
from trixter.errors import OUT_OF_RESOURCES, bind_error, os_error_text
from trixter.proxy.listen_socket import BACKLOG

# So many clients of the API can connect when proxied connections have taken all other descriptors: through
# the API, those can be listed and ended.
SPARE_DESCRIPTORS = 4

# How long to wait before the next try when a client could not be accepted. It waits in the kernel's queue.
PAUSE_S = 0.1

log = logging.getLogger("trixter.api")


class ApiServer:
    """uvicorn's HTTP protocol, without the parts of uvicorn that control the process.

    uvicorn's server polls ten times a second, installs signal handlers and waits for idle clients when it
    stops. Only its protocol is used here, with limits on what clients can take from the traffic: nothing runs
    between requests.

    Args:
        app: The application.
        sockets: Bound and non-blocking. The server closes them.
    """

    def __init__(self, app: ASGIApp, sockets: list[socket.socket]) -> None:
        self._sockets = sockets
        self._config = uvicorn.Config(
            app,
            http="h11",  # always installed; the others are optional
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            workers=1,
            h11_max_incomplete_event_size=HEAD_BYTES,
        )
        self._config.load()
        self._state = ServerState()
        self._limit = ConnectionLimit()
        self._refusals = RefusalLog(log)
        self._spares: SpareDescriptors | None = None
        self._accepting: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Listen, and serve from now on.

        Raises:
            BindError: If another socket has begun to listen there since these were bound.
        """
        for sock in self._sockets:
            try:
                sock.listen(BACKLOG)
            except OSError as exc:
                raise bind_error(text_of(sock.getsockname()), exc) from exc
        self._spares = SpareDescriptors()
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            acceptor = Acceptor(sock, self._limit, self._spares, self._new_protocol)
            name = f"API on {text_of(sock.getsockname())}"
            self._accepting.append(loop.create_task(acceptor.run(), name=name))

    async def stop(self) -> None:
        """Abort every connection. A call that has begun to change something finishes, without a response."""
        accepting, self._accepting = self._accepting, []
        for task in accepting:
            task.cancel()
        if accepting:
            await asyncio.wait(accepting)
        for sock in self._sockets:
            sock.close()
        for connection in list(self._state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # connection_lost() runs, and the running calls learn of it
        if self._state.tasks:
            await asyncio.wait(self._state.tasks)
        if self._spares is not None:
            self._spares.close()

    def _new_protocol(self) -> ApiProtocol:
        return ApiProtocol(self._config, self._state, self._limit, self._refusals, self._on_lost)

    def _on_lost(self, connection: ApiProtocol) -> None:
        self._limit.discard(connection)
        if self._spares is not None:
            # By then the descriptor is closed, and no proxied connection has taken it yet.
            asyncio.get_running_loop().call_soon(self._spares.replenish)


class SpareDescriptors:
    """Descriptors in reserve: one is closed when the table is full and a client must be accepted.

    Args:
        most: How many to hold, if so many are free.
    """

    def __init__(self, most: int = SPARE_DESCRIPTORS) -> None:
        self._most = most
        self._held: list[int] = []
        self.replenish()

    def replenish(self) -> None:
        """Open descriptors again, up to the number that the reserve should have."""
        with contextlib.suppress(OSError):
            while len(self._held) < self._most:
                self._held.append(os.open(os.devnull, os.O_RDONLY))

    def give_up(self) -> bool:
        """Close one; return whether there was one left."""
        if not self._held:
            return False
        os.close(self._held.pop())
        return True

    def close(self) -> None:
        """Close all of them, for good. Idempotent."""
        self._most = 0
        while self.give_up():
            pass


class Acceptor:
    """Accept on one listening socket; clients beyond the limit wait in the kernel's queue.

    The loop's own server cannot do that: libuv accepts every client at once, and closes a client for which it
    has no descriptor.

    Args:
        listening: A non-blocking socket that listens; it stays open.
        limit: Of all connections of the API.
        spares: The reserve for clients that come when the descriptor table is full.
        new_protocol: Makes the protocol of a connection.
    """

    def __init__(
        self,
        listening: socket.socket,
        limit: ConnectionLimit,
        spares: SpareDescriptors,
        new_protocol: Callable[[], ApiProtocol],
    ) -> None:
        self._listening = listening
        self._limit = limit
        self._spares = spares
        self._new_protocol = new_protocol

    async def run(self) -> None:
        """Accept until cancelled."""
        while True:
            client = await self._accept()
            try:
                await self._limit.wait_for_room()
            except BaseException:
                client.close()
                raise
            await self._connect(client)

    async def _accept(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        while True:
            self._spares.replenish()
            try:
                return (await loop.sock_accept(self._listening))[0]
            except OSError as exc:
                if exc.errno in OUT_OF_RESOURCES and self._spares.give_up():
                    with contextlib.suppress(OSError):
                        return self._listening.accept()[0]
                log.debug("API: a client could not be accepted: %s", os_error_text(exc))
            await asyncio.sleep(PAUSE_S)

    async def _connect(self, client: socket.socket) -> None:
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        protocol = self._new_protocol()
        self._limit.add(protocol)
        connecting = loop.create_task(
            loop.connect_accepted_socket(lambda: protocol, client), name="connection of the API"
        )
        try:
            await asyncio.shield(connecting)
        except asyncio.CancelledError:
            # Cancelled halfway, the socket would have two owners. The rest takes one iteration of the loop.
            await asyncio.wait([connecting])
            raise
        except OSError as exc:
            log.debug("API: a client was gone before it was connected: %s", os_error_text(exc))
            self._limit.discard(protocol)
            client.close()
