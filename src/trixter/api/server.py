"""Serving the API on the loop that carries the traffic."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from starlette.types import ASGIApp

from trixter.errors import BindError
from trixter.proxy.address import BACKLOG, text_of


class ApiServer:
    """Run uvicorn's HTTP protocol, without the parts of uvicorn that want to own the process.

    Its server polls ten times a second, installs signal handlers and waits for idle clients when it stops.
    Only its listening and its protocol are used here: nothing runs while nobody asks.

    Args:
        app: What is served.
        sockets: Bound and non-blocking. The server closes them.
    """

    def __init__(self, app: ASGIApp, sockets: list[socket.socket]) -> None:
        self._sockets = sockets
        config = uvicorn.Config(
            app,
            http="h11",  # always there; others depend on what else is installed
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            workers=1,
        )
        config.load()
        self._uvicorn = uvicorn.Server(config)
        self._uvicorn.servers = []
        self._uvicorn.lifespan = config.lifespan_class(config)

    async def start(self) -> None:
        """Listen, and answer from now on.

        Raises:
            BindError: If somebody else began to listen there since the sockets were bound.
        """
        for sock in self._sockets:
            try:
                sock.listen(BACKLOG)
            except OSError as exc:
                raise BindError(text_of(sock.getsockname()), (exc.strerror or str(exc)).lower()) from exc
        await self._uvicorn.startup(sockets=self._sockets)

    async def stop(self) -> None:
        """Hang up on everybody, now. What a call has begun to change, it finishes, unheard."""
        for server in self._uvicorn.servers:
            server.close()
        for sock in self._sockets:
            sock.close()
        state = self._uvicorn.server_state
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # each connection hears that it is gone, and tells the call it waits for
        if state.tasks:
            await asyncio.wait(state.tasks)
