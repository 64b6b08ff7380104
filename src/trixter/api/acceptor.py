"""Accepting the API's clients: up to a limit, and also when the proxy has taken all descriptors."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable

from trixter.api.connection_limit import ConnectionLimit
from trixter.api.http_protocol import ApiProtocol
from trixter.errors import OUT_OF_RESOURCES, os_error_text

# So many clients of the API can connect when proxied connections have taken all other descriptors: through
# the API, those can be listed and ended.
SPARE_DESCRIPTORS = 4

# How long to wait before the next try when a client could not be accepted. It waits in the kernel's queue.
PAUSE_S = 0.1

log = logging.getLogger("trixter.api")


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
