"""The proxy: a listening address, an upstream address, and what new connections start with."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable
from typing import TypeVarTuple

from trixter.errors import SettingError
from trixter.faults import Dice
from trixter.faults.ranges import require_bytes
from trixter.proxy.address import Address, SocketAddress, listen_sockets, text_of
from trixter.proxy.connection import Connection
from trixter.proxy.defaults import Defaults
from trixter.proxy.dial import Route
from trixter.proxy.door import Door
from trixter.proxy.ending import OUT_OF_DESCRIPTORS, PROXY_DOWN, PROXY_STOPPED, Ending
from trixter.proxy.listener import Listener
from trixter.proxy.memory import OF_THIS_PROCESS, Memory
from trixter.proxy.observer import Observer
from trixter.proxy.reactor import Reactor
from trixter.proxy.registry import Registry
from trixter.proxy.report import report_ended, report_opened
from trixter.proxy.resolver import Resolver
from trixter.proxy.sockets import MOST_BUFFER_BYTES, Socket

LIMIT_BYTES = 4 * 1024 * 1024
CONNECT_TIMEOUT_S = 10.0

Ts = TypeVarTuple("Ts")

log = logging.getLogger("trixter.proxy")


class Proxy:
    """Put a bad network between whoever connects to ``listen`` and the server at ``upstream``.

    Use it in this order: ``bind()``, ``start()`` on a running loop, ``stop()``.

    Args:
        listen: ``host:port``; a name stands for all its addresses, port 0 for a free one.
        upstream: ``host:port`` or ``unix:/path``; dialled, and resolved, anew for each connection.
        seed: The root of all luck.
        defaults: What new connections start with; assign to change it.
        limit_bytes: Held per direction of a connection before reading from its source pauses.
        socket_buffer_bytes: Asked of the kernel for each socket's send and receive buffer; 0 leaves its own.
        memory: Counts what all directions hold, and bounds it; by default those of the whole process.
        connect_timeout_s: For the upstream to answer.
        observer: Is told of connections that open and end.

    Raises:
        SettingError: If a setting is outside its range.
    """

    def __init__(
        self,
        *,
        listen: str,
        upstream: str,
        seed: int,
        defaults: Defaults | None = None,
        limit_bytes: int = LIMIT_BYTES,
        socket_buffer_bytes: int = 0,
        memory: Memory = OF_THIS_PROCESS,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        observer: Observer | None = None,
    ) -> None:
        Address.parse_tcp(listen, "listen")
        if not isinstance(limit_bytes, int) or limit_bytes < 1:
            raise SettingError("limit_bytes", limit_bytes, "a whole number of bytes, 1 or more")
        require_bytes("socket_buffer_bytes", socket_buffer_bytes)
        if not 0 < connect_timeout_s < float("inf"):
            raise SettingError("connect_timeout_s", connect_timeout_s, "a number of seconds, more than 0")
        self.upstream = Address.parse(upstream)
        self.defaults = defaults or Defaults()
        self.registry = Registry()
        self.dice = Dice(seed)
        self.limit_bytes = limit_bytes
        self._listen = listen
        self._connect_timeout_s = connect_timeout_s
        self._socket_buffer_bytes = min(socket_buffer_bytes, MOST_BUFFER_BYTES)
        self._memory = memory
        self._observer = observer
        self._door = Door.OPEN
        self._numbered = 0  # connections that have had their luck from another seed
        self._sockets: list[socket.socket] = []
        self._addresses: list[str] = []
        self._listener: Listener | None = None
        # Ids of one run start alike, and no other run's do.
        self._id_prefix = secrets.token_hex(3)

    @property
    def listen_addresses(self) -> list[str]:
        """Where it listens, with the real port; known once bound, and the same while the door is shut."""
        return list(self._addresses)

    @property
    def door(self) -> Door:
        """Whether new connections are accepted."""
        return self._door

    def reseed(self, seed: int) -> None:
        """Let the next connection have the luck of the first one of a new proxy with that seed."""
        self.dice = Dice(seed)
        self._numbered = self.registry.accepted

    def bind(self) -> None:
        """Take the listening address, and accept nothing yet.

        Raises:
            BindError: If it cannot be had.
        """
        self._sockets = listen_sockets(self._listen)
        self._addresses = [text_of(sock.getsockname()) for sock in self._sockets]

    def start(self) -> None:
        """Begin to accept, on the running loop, if the door is open.

        Raises:
            BindError: If somebody else began to listen there since ``bind()``.
        """
        assert self._sockets, "bind() comes first"
        loop = asyncio.get_running_loop()
        self.reactor = Reactor(loop, memory=self._memory)
        resolver, buffer_bytes = Resolver(self.upstream, loop), self._socket_buffer_bytes
        self.route = Route(
            self.upstream, self.upstream.literal, resolver, self._connect_timeout_s, buffer_bytes
        )
        self._listener = Listener(self._sockets, self.reactor, self._on_accepted, buffer_bytes)
        self._listener.start()
        if self._door is not Door.OPEN:  # only a port that is listened on can be kept from everybody else
            self._listener.shut()

    def set_door(self, door: Door) -> None:
        """Open the door, or shut it: at once, and with the port kept. It may be shut before the start.

        Raises:
            BindError: If somebody else has the port by now; then the door stays shut.
            SettingError: If that is no door.
        """
        if not isinstance(door, Door):
            raise SettingError("door", door, "Door.OPEN, Door.REFUSING or Door.DOWN")
        if self._listener is not None:
            if door is Door.OPEN:
                self._listener.start()
            else:
                self._listener.shut()
        if door is not self._door:
            self._door = door
            log.info("door of %s: %s", ", ".join(self._addresses) or self._listen, door.value)
        if door is Door.DOWN:
            for connection in self.registry.all():
                connection.end(Ending(PROXY_DOWN, reset=True))

    def stop(self) -> None:
        """Stop accepting, end every connection and give everything back. Twice is no error."""
        for sock in self._sockets:
            if self._listener is None:
                sock.close()
        if self._listener is not None:
            self._listener.close()
            for connection in self.registry.all():
                connection.end(Ending(PROXY_STOPPED))
            self.reactor.close()
            self._listener = None
        self._sockets, self._addresses = [], []

    def on_opened(self, connection: Connection) -> None:
        self.registry.open(connection)
        report_opened(connection)
        if self._observer is not None:
            _tell(self._observer.on_opened, connection)

    def on_ended(self, connection: Connection, ending: Ending) -> None:
        self.registry.end(connection, ending.reason)
        report_ended(connection, ending)
        if ending.reason == OUT_OF_DESCRIPTORS and self._listener is not None:
            self._listener.rest(ending.detail)  # the others wait in the kernel, rather than fail as well
        if self._observer is not None:
            _tell(self._observer.on_ended, connection, ending)

    def _on_accepted(self, client: Socket, peer: SocketAddress) -> None:
        number = self.registry.accepted + 1
        id = f"{self._id_prefix}-{number}"
        connection = Connection(number - self._numbered, id, client, peer, self)
        self.registry.accept(connection)
        connection.start()


def _tell(tell: Callable[[*Ts], None], *args: *Ts) -> None:
    """Tell an observer, whatever it makes of it."""
    try:
        tell(*args)
    except Exception:
        log.exception("an observer of connections: internal error")
