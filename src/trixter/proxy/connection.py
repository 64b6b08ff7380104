"""One accepted client socket, and the upstream socket dialled for it."""

from __future__ import annotations

import logging
import socket
from typing import Protocol

from trixter.faults import Dice, Direction
from trixter.proxy.address import SocketAddress, text_of
from trixter.proxy.clock import Timer
from trixter.proxy.defaults import Defaults
from trixter.proxy.dial import Dial, Route
from trixter.proxy.ending import (
    CLOSED,
    DURATION,
    INTERNAL_ERROR,
    RESET_BY_CLIENT,
    RESET_BY_UPSTREAM,
    SHUTDOWN,
    Ending,
)
from trixter.proxy.linger import Linger
from trixter.proxy.pipe import Pipe
from trixter.proxy.reactor import Reactor
from trixter.proxy.sockets import Socket, close_quietly, close_with_reset

log = logging.getLogger("trixter.proxy")


class Home(Protocol):
    """Where a connection lives: who keeps it, and what it needs to know."""

    reactor: Reactor
    route: Route
    defaults: Defaults
    dice: Dice
    limit_bytes: int

    def on_opened(self, connection: Connection) -> None:
        """The upstream answered: bytes flow."""

    def on_ended(self, connection: Connection, ending: Ending) -> None:
        """It is over, and its sockets are closed."""


class Connection:
    """Dial the upstream for a client, carry bytes both ways, and end once, for one reason.

    Args:
        number: Its place in the order of acceptance, from 1 for each seed; its luck depends on it.
        id: What it is called from outside.
        client: The accepted socket, non-blocking. The connection closes it.
        peer: The client's address.
        home: Who keeps it.
    """

    __slots__ = (
        "_client",
        "_dial",
        "_duration",
        "_home",
        "_linger",
        "_loss",
        "_pipes",
        "_unfinished",
        "_upstream",
        "accepted_at",
        "client",
        "ending",
        "id",
        "number",
    )

    def __init__(self, number: int, id: str, client: Socket, peer: SocketAddress, home: Home) -> None:
        self.number = number
        self.id = id
        self.client = text_of(peer)
        self.accepted_at = home.reactor.clock.time()
        self.ending: Ending | None = None
        self._home = home
        self._client = client
        self._upstream: Socket | None = None
        self._pipes: tuple[Pipe, Pipe] | None = None
        self._unfinished = 2
        self._duration: Timer | None = None
        self._dial: Dial | None = None
        self._loss: tuple[Socket, Ending] | None = None  # the peer that reset it, while that travels
        self._linger: Linger | None = None

    @property
    def upstream(self) -> str:
        """The upstream's address, as it was given."""
        return str(self._home.route.address)

    @property
    def age_s(self) -> float:
        """Seconds since it was accepted."""
        return self._home.reactor.clock.time() - self.accepted_at

    def pipe(self, direction: Direction) -> Pipe:
        """Return one direction's data plane; there is one as soon as the upstream has answered."""
        assert self._pipes is not None, "the upstream has not answered yet"
        return self._pipes[0 if direction is Direction.UPSTREAM else 1]

    def passed_bytes(self, direction: Direction) -> int:
        """Return how many bytes the sink of that direction has taken."""
        return self.pipe(direction).passed_bytes if self._pipes else 0

    def start(self) -> None:
        """Dial; with the upstream near, bytes flow before this returns."""
        duration_s = self._home.defaults.duration_s
        if duration_s:
            clock = self._home.reactor.clock
            self._duration = clock.call_at(self.accepted_at + duration_s, self._on_duration)
        self._dial = Dial(self._home.route, self._home.reactor, self._on_connected, self.end)
        try:
            self._dial.start()
        except Exception as exc:
            self.on_crash(exc)

    def shut_down(self, reason: str) -> None:
        """Close both sides now, because somebody asked; what is held is dropped."""
        self.end(Ending(SHUTDOWN, reason))

    def reset(self, reason: str) -> None:
        """Reset both sides now, because somebody asked; what is held is dropped."""
        self.end(Ending(SHUTDOWN, reason, reset=True))

    def end(self, ending: Ending) -> None:
        """Close both sockets and everything between them; only the first call counts."""
        if self.ending is not None:
            return
        self.ending = ending
        if self._duration is not None:
            self._duration.cancel()
            self._duration = None
        if self._dial is not None:
            self._dial.cancel()
            self._dial = None
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        for pipe in self._pipes or ():
            pipe.close()
        for sock in filter(None, (self._client, self._upstream)):
            self._close(sock, ending)
        self._home.on_ended(self, ending)

    def on_finished(self, sink: Socket) -> None:
        self._unfinished -= 1
        if self._unfinished or self._loss:
            sink.shutdown(socket.SHUT_WR)
        else:
            self.end(Ending(CLOSED))  # closing sends the last FIN

    def on_ending(self, ending: Ending) -> None:
        self.end(ending)

    def on_lost(self, sock: Socket, exc: OSError) -> None:
        if self._loss is not None:
            lost, ending = self._loss
            if sock is not lost:  # both are: the reset has nowhere to go
                self.end(ending)
            return
        is_client = sock is self._client
        expected = isinstance(exc, ConnectionResetError | BrokenPipeError)
        detail = "" if expected else exc.strerror or str(exc)
        ending = Ending(RESET_BY_CLIENT if is_client else RESET_BY_UPSTREAM, detail, reset=True)
        self._loss = sock, ending
        # Its peer may have sent something before the reset, also where it was writing that failed: an HTTP
        # server that refuses an upload does. As on a wire, that arrives first, and the reset behind it.
        lost_source, lost_sink = Direction.UPSTREAM, Direction.DOWNSTREAM
        if not is_client:
            lost_source, lost_sink = lost_sink, lost_source
        self.pipe(lost_sink).lose_sink()
        travelling = self.pipe(lost_source)
        # Closing with RST drops what the kernel has not sent yet; a peer that reads no more may never take
        # what is before the reset.
        self._linger = Linger(
            self._home.reactor.loop,
            lambda: travelling.unsent_bytes,
            lambda: travelling.passed_bytes,
            lambda: self.end(ending),
        )
        self._linger.start()
        travelling.lose_source()

    def on_reset(self, sink: Socket) -> None:
        assert self._linger is not None, "a reset that no peer sent"
        self._linger.reset_is_due()

    def on_crash(self, exc: Exception) -> None:
        log.error("connection %s: internal error", self.id, exc_info=exc)
        self.end(Ending(INTERNAL_ERROR, type(exc).__name__, reset=True))

    def _on_connected(self, upstream: Socket) -> None:
        self._dial = None
        self._upstream = upstream
        try:
            self._open(upstream)
        except Exception as exc:
            self.on_crash(exc)

    def _open(self, upstream: Socket) -> None:
        home = self._home
        luck = home.dice.branch(f"connection {self.number}")
        self._pipes = (
            self._new_pipe(Direction.UPSTREAM, self._client, upstream, luck),
            self._new_pipe(Direction.DOWNSTREAM, upstream, self._client, luck),
        )
        home.on_opened(self)  # first: a fault may end it at once
        defaults = home.defaults
        self._pipes[0].start(defaults.upstream)
        self._pipes[1].start(defaults.downstream)
        self._pipes[0].read_now()  # clients speak first, and this one had time while we dialled

    def _new_pipe(self, direction: Direction, source: Socket, sink: Socket, luck: Dice) -> Pipe:
        reactor, limit_bytes = self._home.reactor, self._home.limit_bytes
        return Pipe(direction, source, sink, reactor=reactor, luck=luck, limit_bytes=limit_bytes, owner=self)

    def _on_duration(self) -> None:
        self.end(Ending(DURATION, reset=True))

    def _close(self, sock: Socket, ending: Ending) -> None:
        if ending.reset:
            close_with_reset(sock)
        elif ending.reason == CLOSED:
            sock.close()  # both FINs have been sent, and everything was read
        else:
            close_quietly(sock)
