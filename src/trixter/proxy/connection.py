"""One accepted client socket, and the upstream socket dialled for it."""

from __future__ import annotations

import logging
import socket

from trixter.addresses import SocketAddress, text_of
from trixter.faults import Dice, Direction
from trixter.proxy.clock import Timer
from trixter.proxy.closing import close_as, finish
from trixter.proxy.dial import Dial
from trixter.proxy.ending import (
    CLOSED,
    DURATION,
    IDLE_TIMEOUT,
    INTERNAL_ERROR,
    RESET_BY_CLIENT,
    RESET_BY_UPSTREAM,
    SHUTDOWN,
    Ending,
)
from trixter.proxy.home import Home
from trixter.proxy.idle import IdleTimeout
from trixter.proxy.linger import Linger
from trixter.proxy.pipe import Pipe
from trixter.proxy.sockets import Socket, error_of

log = logging.getLogger("trixter.proxy")


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
        "_idle",
        "_linger",
        "_loss",
        "_peer",
        "_pipes",
        "_unfinished",
        "_upstream",
        "accepted_at",
        "ending",
        "id",
        "number",
    )

    def __init__(self, number: int, id: str, client: Socket, peer: SocketAddress, home: Home) -> None:
        self.number = number
        self.id = id
        self._peer = peer
        self.accepted_at = home.context.clock.time()
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
        self._idle: IdleTimeout | None = None

    @property
    def client(self) -> str:
        """The client's address, as text: made when it is asked for, for most connections are not logged."""
        return text_of(self._peer)

    @property
    def upstream(self) -> str:
        """The upstream's address, as it was given."""
        return str(self._home.route.address)

    @property
    def age_s(self) -> float:
        """Seconds since it was accepted."""
        return self._home.context.clock.time() - self.accepted_at

    def pipe(self, direction: Direction) -> Pipe:
        """Return one direction's data plane; there is one as soon as the upstream has answered."""
        assert self._pipes is not None, "the upstream has not answered yet"
        return self._pipes[0 if direction is Direction.UPSTREAM else 1]

    @property
    def is_open(self) -> bool:
        """Whether bytes can flow: the upstream has answered. Before that, the connection is dialling."""
        return self._pipes is not None

    def passed_bytes(self, direction: Direction) -> int:
        """Return how many bytes the sink of that direction has taken."""
        return self.pipe(direction).passed_bytes if self._pipes else 0

    def start(self) -> None:
        """Dial; with the upstream near, bytes flow before this returns."""
        duration_s = self._home.defaults.duration_s
        if duration_s:
            clock = self._home.context.clock
            self._duration = clock.call_at(self.accepted_at + duration_s, self._on_duration)
        self._dial = Dial(self._home.route, self._home.context, self._on_connected, self.end)
        try:
            self._dial.start()
            if self._dial is not None:  # the upstream is not near: meanwhile, the client may go away
                self._home.context.poller.pause(self._client.fileno(), self._on_hangup)
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
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self._pipes is None:
            self._home.context.poller.forget(self._client.fileno())
        for pipe in self._pipes or ():
            pipe.close()
        for sock in filter(None, (self._client, self._upstream)):
            close_as(sock, ending)
        self._home.on_ended(self, ending)

    def abandon(self) -> None:
        """Close the descriptors in the child of a fork; the parent goes on with the connection."""
        if self._dial is not None:
            self._dial.abandon()
        for sock in filter(None, (self._client, self._upstream)):
            sock.close()

    def on_finished(self, sink: Socket) -> None:
        self._unfinished -= 1
        if self._unfinished or self._loss:
            sink.shutdown(socket.SHUT_WR)
        else:
            finish(sink)
            self.end(Ending(CLOSED))

    def on_ending(self, ending: Ending) -> None:
        self.end(ending)

    def on_lost(self, sock: Socket, exc: OSError) -> None:
        if self._loss is not None:
            lost, ending = self._loss
            if sock is not lost:  # both are: the reset has nowhere to go
                self.end(ending)
            return
        is_client = sock is self._client
        ending = _loss_of(RESET_BY_CLIENT if is_client else RESET_BY_UPSTREAM, exc)
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
            self._home.context.loop,
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
        if home.idle_timeout_s and self.ending is None:
            clock = home.context.clock
            self._idle = IdleTimeout(clock, home.idle_timeout_s, self._moved, self._on_idle)

    def _new_pipe(self, direction: Direction, source: Socket, sink: Socket, luck: Dice) -> Pipe:
        context, limit_bytes = self._home.context, self._home.limit_bytes
        return Pipe(direction, source, sink, context=context, luck=luck, limit_bytes=limit_bytes, owner=self)

    def _on_duration(self) -> None:
        self.end(Ending(DURATION, reset=True))

    def _on_hangup(self) -> None:
        """End it if the client was reset while we dialled; if not, it only ended both ways, and may wait."""
        if error := error_of(self._client):
            self.end(_loss_of(RESET_BY_CLIENT, error))

    def _moved(self) -> tuple[int, ...]:
        """Return counters that differ when a byte has moved: what passed, and what came and is held."""
        return tuple(count for pipe in self._pipes or () for count in (pipe.passed_bytes, pipe.held_bytes))

    def _on_idle(self) -> None:
        self.end(Ending(IDLE_TIMEOUT, reset=True))


def _loss_of(reason: str, exc: OSError) -> Ending:
    """Return the end of a connection that a peer reset, or whose peer is gone."""
    expected = isinstance(exc, ConnectionResetError | BrokenPipeError)
    return Ending(reason, "" if expected else exc.strerror or str(exc), reset=True)
