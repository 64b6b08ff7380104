"""The proxy: a listening address, an upstream address, and what new connections start with."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Unpack

from trixter.addresses import Address, SocketAddress, text_of
from trixter.faults import Decision, Dice, Direction, Faults
from trixter.proxy.connection import Connection
from trixter.proxy.descriptors import close_in_children, keep_in_children
from trixter.proxy.dial import DialTarget
from trixter.proxy.end_reason import DURATION, PROXY_DOWN, PROXY_STOPPED, EndReason
from trixter.proxy.listen_socket import listen_sockets, refuse_self_dial
from trixter.proxy.listener import Listener
from trixter.proxy.loop import LoopContext
from trixter.proxy.observers import LogObserver, Observer, log_failure
from trixter.proxy.registry import Registry
from trixter.proxy.resolver import Resolver, literal_target
from trixter.proxy.sockets import Socket
from trixter.proxy.tuning import Tuning, TuningKeywords
from trixter.settings import Availability, Defaults, require_availability

log = logging.getLogger("trixter.proxy")


class Proxy:
    """Put a bad network between the clients that connect to ``listen`` and the server at ``upstream``.

    Use it in this order: ``bind()``, ``start()`` on a running loop, ``stop()``.

    Args:
        listen: ``host:port``; a name stands for all its addresses, ``:port`` for all of the machine,
            port 0 for a free one.
        upstream: ``host:port`` or ``unix:/path``; dialled, and resolved, anew for each connection.
        seed: The root of all randomness.
        defaults: What new connections start with; assign to change it.
        observers: Are told of connections that open and end, after the log.
        tuning: As ``Tuning`` takes it: ``buffer_limit_bytes``, ``socket_buffer_bytes``,
            ``connect_timeout_s``, ``keepalive_s``, ``idle_timeout_s``, ``reset_unreachable``.

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
        observers: Iterable[Observer] = (),
        **tuning: Unpack[TuningKeywords],
    ) -> None:
        Address.parse_listen(listen)
        self.tuning = Tuning(**tuning)
        self.upstream = Address.parse_upstream(upstream)
        self.defaults = defaults or Defaults()
        self.registry = Registry()
        self.dice = Dice(seed)
        self.buffer_limit_bytes = self.tuning.buffer_limit_bytes
        self.idle_timeout_s = self.tuning.idle_timeout_s
        self._listen = listen
        self._owns_context = False
        self.observers: list[Observer] = [LogObserver(), *observers]
        """Told of connections that open and end, in this order; the log is one of them."""
        self.strikes: Counter[str] = Counter()
        """What faults have done, by their names."""
        self.operations: Counter[str] = Counter()
        """What faults with a probability might have struck: operations, of connections that are over."""
        self.on_decision: Callable[[Connection, Direction, Decision], None] | None = None
        """Called with everything that a fault does, on connections that open from now on."""
        self.replay: Callable[[int, Direction], Faults] | None = None
        """Gives a connection, by its number, the faults of a record in place of the defaults'."""
        self._availability = Availability.UP
        self._is_quiet = False
        self._overdue: list[Connection] = []
        self._numbered = 0  # connections that drew from another seed
        self._sockets: list[socket.socket] = []
        self._addresses: list[str] = []
        self._listener: Listener | None = None
        # Ids of one run start alike, and no other run's do.
        self._id_prefix = secrets.token_hex(3)

    @property
    def listen_addresses(self) -> list[str]:
        """Where it listens, with the real port; known once bound, and the same while none are accepted."""
        return list(self._addresses)

    @property
    def is_running(self) -> bool:
        """Whether it has started, and not stopped: then it has a context."""
        return self._listener is not None

    @property
    def availability(self) -> Availability:
        """Whether new connections are accepted."""
        return self._availability

    def reseed(self, seed: int) -> None:
        """Let the next connection draw what the first one of a new proxy with that seed would."""
        self.dice = Dice(seed)
        self._numbered = self.registry.accepted

    def bind(self) -> None:
        """Take the listening address, and accept nothing yet.

        Raises:
            BindError: If it cannot be had.
            SettingError: If the upstream is that same address: a client would be dialled for without end.
        """
        sockets = listen_sockets(self._listen)
        refuse_self_dial(self.upstream, sockets)
        self._sockets = sockets
        self._addresses = [text_of(sock.getsockname()) for sock in self._sockets]

    def start(self, context: LoopContext | None = None) -> None:
        """Begin to accept, on the running loop, if that is its availability.

        Args:
            context: What the proxies of that loop share. Its maker closes it, after all of them have
                stopped. Without one, this makes its own.

        Raises:
            BindError: If another program began to listen there since ``bind()``.
            OutOfDescriptors: If no descriptor is left for a context.
        """
        assert self._sockets, "bind() comes first"
        self._owns_context = context is None
        self.context = context or LoopContext(asyncio.get_running_loop())
        tuning, options = self.tuning, self.tuning.socket_options
        self.dial_target = DialTarget(
            self.upstream,
            literal_target(self.upstream),
            Resolver(self.upstream, self.context.loop),
            tuning.connect_timeout_s,
            options,
            on_short=self._on_short,
            reset_on_failure=tuning.reset_unreachable,
        )
        self._listener = Listener(self._sockets, self.context, self._on_accepted, options)
        close_in_children(self)
        self._listener.start()
        if self._availability is not Availability.UP:
            self._listener.shut()  # not before: only a port that is listened on is kept from other programs

    def set_availability(self, availability: Availability) -> None:
        """Change its availability: at once, and with the port kept. Before the start is not too early.

        Raises:
            BindError: If another program has the port by now; then it stays as it is.
            SettingError: If that is no `Availability`.
        """
        require_availability(availability)
        if self._listener is not None:
            if availability is Availability.UP:
                self._listener.start()
            else:
                self._listener.shut()
        if availability is not self._availability:
            self._availability = availability
            log.info("availability of %s: %s", ", ".join(self._addresses) or self._listen, availability.value)
        if availability is Availability.DOWN:
            for connection in self.registry.all():
                connection.end(EndReason(PROXY_DOWN, reset=True))

    def set_quiet(self, is_quiet: bool) -> None:
        """Spare connections that reach the age at which they are reset; or reset those spared so far."""
        self._is_quiet = is_quiet
        if not is_quiet:
            overdue, self._overdue = self._overdue, []
            for connection in overdue:
                self.on_duration(connection)

    def stop(self) -> None:
        """Stop accepting, end every connection and give everything back. Idempotent."""
        for sock in self._sockets:
            if self._listener is None:
                sock.close()
        if self._listener is not None:
            keep_in_children(self)
            self._listener.close()
            for connection in self.registry.all():
                connection.end(EndReason(PROXY_STOPPED))
            if self._owns_context:
                self.context.close()
            self._listener = None
        self._sockets, self._addresses = [], []

    def abandon(self) -> None:
        """Close every descriptor in the child of a fork; the parent goes on, and here it is stopped."""
        if self._listener is not None:
            self._listener.abandon()
            for connection in self.registry.all():
                connection.abandon()
            self._listener = None
        self._sockets, self._addresses = [], []

    def on_opened(self, connection: Connection) -> None:
        for observer in self.observers:
            try:
                observer.on_opened(connection)
            except Exception:
                log_failure()

    def on_duration(self, connection: Connection) -> None:
        if self._is_quiet:
            self._overdue.append(connection)
        else:
            connection.end(EndReason(DURATION, reset=True))

    def on_ended(self, connection: Connection, end_reason: EndReason) -> None:
        self.registry.end(connection, end_reason.reason)
        for observer in self.observers:
            try:
                observer.on_ended(connection, end_reason)
            except Exception:
                log_failure()

    def _on_accepted(self, client: Socket, peer: SocketAddress) -> None:
        number = self.registry.accepted + 1
        id = f"{self._id_prefix}-{number}"
        connection = Connection(number - self._numbered, id, client, peer, self)
        self.registry.accept(connection)
        connection.start()

    def _on_short(self, why: str) -> None:
        if self._listener is not None:
            self._listener.rest(why)  # the others wait in the kernel
