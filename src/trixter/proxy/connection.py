"""One accepted client socket, and the upstream socket dialled for it."""

from __future__ import annotations

import errno
import logging
import socket
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Protocol

from trixter.addresses import SocketAddress, text_of
from trixter.faults import Decision, Dice, Direction, Faults
from trixter.faults.chain_output import RecordKeywords
from trixter.proxy.clock import Clock, Timer
from trixter.proxy.closing import Linger, close_as, finish
from trixter.proxy.dial import Dialer, DialTarget, connect
from trixter.proxy.end_reason import (
    CLOSED,
    IDLE_TIMEOUT,
    INTERNAL_ERROR,
    RESET,
    RESET_BY_CLIENT,
    RESET_BY_UPSTREAM,
    SHUTDOWN,
    EndReason,
)
from trixter.proxy.loop import LoopContext
from trixter.proxy.pipe import Pipe
from trixter.proxy.sockets import Socket, error_of
from trixter.settings import Defaults

log = logging.getLogger("trixter.proxy")

_CLOSED = EndReason(CLOSED)

# Looking one up in its enum takes as long as a call.
UPSTREAM, DOWNSTREAM = Direction

# Looks at the counters in one time-out. So a connection ends at most a quarter of it late.
LOOKS = 4


class ConnectionContext(Protocol):
    """What a connection needs of its proxy: the loop, the settings, and to be heard."""

    context: LoopContext
    dial_target: DialTarget
    defaults: Defaults
    dice: Dice
    buffer_limit_bytes: int
    idle_timeout_s: float
    strikes: Counter[str]
    operations: Counter[str]
    on_decision: Callable[[Connection, Direction, Decision], None] | None
    replay: Callable[[int, Direction], Faults] | None

    def on_opened(self, connection: Connection) -> None:
        """The upstream answered: bytes flow."""

    def on_duration(self, connection: Connection) -> None:
        """It has reached the age at which it is to be reset."""

    def on_ended(self, connection: Connection, end_reason: EndReason) -> None:
        """It is over, and its sockets are closed."""


class Connection:
    """Dial the upstream for a client, carry bytes both ways, and end once, for one reason.

    Args:
        number: Its place in the order of acceptance, from 1 for each seed; what its dice draw depends on it.
        id: What it is called from outside.
        client: The accepted socket, non-blocking. The connection closes it.
        peer: The client's address.
        proxy: The proxy that accepted it.
    """

    __slots__ = (
        "_client",
        "_dial",
        "_linger",
        "_loss",
        "_peer",
        "_proxy",
        "_proxy_dice",
        "_timers",
        "_unfinished",
        "_upstream",
        "accepted_at",
        "end_reason",
        "id",
        "number",
        "pipes",
    )

    def __init__(
        self, number: int, id: str, client: Socket, peer: SocketAddress, proxy: ConnectionContext
    ) -> None:
        self.number = number
        self.id = id
        self._peer = peer
        self.accepted_at = proxy.context.clock.time()
        self.end_reason: EndReason | None = None
        self._proxy = proxy
        self._proxy_dice = proxy.dice  # the proxy's may be others when this draws
        self._client = client
        self._upstream: Socket | None = None
        self.pipes: tuple[Pipe, Pipe] | None = None
        """Upstream and downstream, as soon as the upstream has answered."""
        self._unfinished = 2
        self._timers: tuple[Timer | IdleTimeout, ...] = ()  # of its duration, and of its idle time-out
        self._dial: Dialer | None = None
        self._loss: tuple[Socket, EndReason] | None = None  # the peer that reset it, while that travels
        self._linger: Linger | None = None

    @property
    def client(self) -> str:
        """The client's address, as text: made when it is asked for, for most connections are not logged."""
        return text_of(self._peer)

    @property
    def upstream(self) -> str:
        """The upstream's address, as it was given."""
        return self._proxy.dial_target.text

    @property
    def age_s(self) -> float:
        """Seconds since it was accepted."""
        return self._proxy.context.clock.time() - self.accepted_at

    @property
    def dice(self) -> Dice:
        """What its directions draw from."""
        return self._proxy_dice.branch(f"connection {self.number}")

    @property
    def buffer_limit_bytes(self) -> int:
        """How much a direction with faults may hold."""
        return self._proxy.buffer_limit_bytes

    def record_of(self, direction: Direction) -> RecordKeywords:
        """Return where the faults of a direction record what they do, and what they know of the other one."""
        proxy, on_decision = self._proxy, self._proxy.on_decision
        return {
            "other": self.pipe(direction.opposite),
            "strikes": proxy.strikes,
            "operations": proxy.operations,
            "on_decision": partial(on_decision, self, direction) if on_decision else None,
        }

    def pipe(self, direction: Direction) -> Pipe:
        """Return one direction's data plane; there is one as soon as the upstream has answered."""
        assert self.pipes is not None, "the upstream has not answered yet"
        return self.pipes[0 if direction is UPSTREAM else 1]

    @property
    def is_open(self) -> bool:
        """Whether bytes can flow: the upstream has answered. Before that, the connection is dialling."""
        return self.pipes is not None

    def forwarded_bytes(self, direction: Direction) -> int:
        """Return how many bytes the sink of that direction has taken."""
        return self.pipe(direction).forwarded_bytes if self.pipes else 0

    @property
    def both_forwarded_bytes(self) -> tuple[int, int]:
        """How many bytes the sinks have taken: upstream, downstream."""
        if self.pipes is None:
            return 0, 0
        up, down = self.pipes
        return up.forwarded_bytes, down.forwarded_bytes

    def start(self) -> None:
        """Dial; with the upstream near, bytes flow before this returns."""
        proxy = self._proxy
        target, context = proxy.dial_target, proxy.context
        duration_s = proxy.defaults.connection_duration_s
        if duration_s:
            clock = context.clock
            self._timers = (clock.call_at(self.accepted_at + duration_s, self._on_duration),)
        try:
            if target.literal is None:
                self._dial = Dialer(target, context, self._on_connected, self.end)
                self._dial.start()
            else:
                upstream, failure = connect(target.literal, None, target.options)
                if upstream is not None and not failure:
                    self._open(upstream)
                    return
                self._dial = Dialer(target, context, self._on_connected, self.end)
                self._dial.go_on(target.literal, upstream, failure)
            if self._dial is not None:  # the upstream is not near: meanwhile, the client may go away
                context.poller.pause(self._client.fileno(), self._on_hangup)
        except Exception as exc:
            self.on_crash(exc)

    def close(self, reason: str) -> None:
        """Close both sides now, on request: what is held is dropped."""
        self.end(EndReason(SHUTDOWN, reason))

    def reset(self, reason: str) -> None:
        """Reset both sides now, on request: what is held is dropped."""
        self.end(EndReason(RESET, reason, reset=True))

    def end(self, end_reason: EndReason) -> None:
        """Close both sockets and everything between them; only the first call counts."""
        if self.end_reason is not None:
            return
        self.end_reason = end_reason
        if self._timers:
            for timer in self._timers:
                timer.cancel()
            self._timers = ()
        if self._dial is not None:
            self._dial.cancel()
            self._dial = None
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self.pipes is not None:
            upstream, downstream = self.pipes
            upstream.close()
            downstream.close()
        else:
            self._proxy.context.poller.forget(self._client.fileno())
        client, server = self._client, self._upstream
        if end_reason is _CLOSED and server is not None:
            client.close()  # both FINs have been sent, and everything was read
            server.close()
        else:
            for sock in filter(None, (client, server)):
                close_as(sock, end_reason)
        self._proxy.on_ended(self, end_reason)

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
            self.end(_CLOSED)

    def on_end(self, end_reason: EndReason) -> None:
        self.end(end_reason)

    def on_end_behind(self, sink: Socket, end_reason: EndReason) -> None:
        pipe = self.pipe(Direction.UPSTREAM if sink is self._upstream else Direction.DOWNSTREAM)
        self._linger_behind(pipe, end_reason).reset_is_due()

    def on_lost(self, sock: Socket, exc: OSError) -> None:
        if self._loss is None and self._linger is not None:
            self.end(_loss_of(RESET_BY_CLIENT if sock is self._client else RESET_BY_UPSTREAM, exc))
            return
        if self._loss is not None:
            lost, end_reason = self._loss
            if sock is not lost:  # both are: the reset has nowhere to go
                self.end(end_reason)
            return
        is_client = sock is self._client
        end_reason = _loss_of(RESET_BY_CLIENT if is_client else RESET_BY_UPSTREAM, exc)
        self._loss = sock, end_reason
        # Its peer may have sent something before the reset, also where it was writing that failed: an HTTP
        # server that refuses an upload does. As on a wire, that arrives first, and the reset behind it.
        lost_source, lost_sink = UPSTREAM, DOWNSTREAM
        if not is_client:
            lost_source, lost_sink = lost_sink, lost_source
        self.pipe(lost_sink).lose_sink()
        travelling = self.pipe(lost_source)
        self._linger_behind(travelling, end_reason)
        travelling.lose_source()

    def on_reset(self, sink: Socket) -> None:
        assert self._linger is not None, "a reset that no peer sent"
        self._linger.reset_is_due()

    def on_crash(self, exc: Exception) -> None:
        log.error("connection %s: internal error", self.id, exc_info=exc)
        self.end(EndReason(INTERNAL_ERROR, type(exc).__name__, reset=True))

    def _linger_behind(self, pipe: Pipe, end_reason: EndReason) -> Linger:
        """Return what ends the connection, once that is due and the peer has all that left the pipe."""
        # Closing with RST drops what the kernel has not sent yet; a peer that reads no more may never take
        # what is before the reset.
        if self._linger is not None:
            self._linger.cancel()
        self._linger = Linger(
            self._proxy.context.loop,
            lambda: pipe.unsent_bytes,
            lambda: pipe.forwarded_bytes,
            lambda: self.end(end_reason),
        )
        self._linger.start()
        return self._linger

    def _on_connected(self, upstream: Socket) -> None:
        self._dial = None
        try:
            self._open(upstream)
        except Exception as exc:
            self.on_crash(exc)

    def _open(self, upstream: Socket) -> None:
        self._upstream = upstream
        proxy, client = self._proxy, self._client
        up = Pipe(UPSTREAM, client, upstream, proxy.context, self)
        down = Pipe(DOWNSTREAM, upstream, client, proxy.context, self)
        self.pipes = up, down
        proxy.on_opened(self)  # first: a fault may end it at once
        defaults, replay = proxy.defaults, proxy.replay
        up.start(replay(self.number, UPSTREAM) if replay else defaults.upstream)
        down.start(replay(self.number, DOWNSTREAM) if replay else defaults.downstream)
        up.read_early()  # clients speak first, and this one had time while we dialled
        if proxy.idle_timeout_s and self.end_reason is None:
            clock = proxy.context.clock
            idle = IdleTimeout(clock, proxy.idle_timeout_s, self._moved, self._on_idle)
            self._timers = (*self._timers, idle)

    def _on_duration(self) -> None:
        self._proxy.on_duration(self)

    def _on_hangup(self) -> None:
        """End it if the client was reset while we dialled; if not, it only ended both ways, and may wait."""
        if error := error_of(self._client):
            self.end(_loss_of(RESET_BY_CLIENT, error))

    def _moved(self) -> tuple[int, ...]:
        """Return counters that differ when a byte has moved: what passed, and what came and is held."""
        return tuple(count for pipe in self.pipes or () for count in (pipe.forwarded_bytes, pipe.held_bytes))

    def _on_idle(self) -> None:
        self.end(EndReason(IDLE_TIMEOUT, reset=True))


def _loss_of(reason: str, exc: OSError) -> EndReason:
    """Return the end of a connection that a peer reset, or whose peer is gone."""
    # The last is what shutdown says of a socket that was reset before it was read or written.
    expected = exc.errno in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN)
    return EndReason(reason, "" if expected else exc.strerror or str(exc), reset=True)


class IdleTimeout:
    """Call back once no byte has moved for some time.

    It compares counters now and then, so moving a byte costs nothing.

    Args:
        clock: Tells the time, and wakes it.
        timeout_s: For how long nothing may move, more than 0; up to a quarter more, until it is noticed.
        moved: Tells of counters, which differ when a byte has moved in between.
        on_idle: Called once; never if it is cancelled.
    """

    __slots__ = ("_clock", "_last", "_moved", "_on_idle", "_quiet_looks", "_timeout_s", "_timer")

    def __init__(
        self, clock: Clock, timeout_s: float, moved: Callable[[], object], on_idle: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        self._moved = moved
        self._on_idle = on_idle
        self._last = moved()
        self._quiet_looks = 0
        self._timer: Timer = self._next_look()

    def cancel(self) -> None:
        """Look no more. Idempotent."""
        self._timer.cancel()

    def _next_look(self) -> Timer:
        return self._clock.call_at(self._clock.time() + self._timeout_s / LOOKS, self._look)

    def _look(self) -> None:
        now = self._moved()
        self._quiet_looks = self._quiet_looks + 1 if now == self._last else 0
        self._last = now
        if self._quiet_looks == LOOKS:
            self._on_idle()
        else:
            self._timer = self._next_look()
