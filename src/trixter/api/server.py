"""The API server, on the loop that carries the traffic."""

from __future__ import annotations

import asyncio
import logging
import socket

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from trixter.addresses import text_of
from trixter.api.acceptor import Acceptor, SpareDescriptors
from trixter.api.connection_limit import ConnectionLimit
from trixter.api.http_protocol import HEAD_BYTES, ApiProtocol
from trixter.api.refusal_log import RefusalLog
from trixter.errors import bind_error
from trixter.proxy.listen_socket import BACKLOG


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
        self._refusals = RefusalLog(logging.getLogger("trixter.api"))
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
