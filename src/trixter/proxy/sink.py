"""The sink of a direction: a socket, the backlog it does not take yet, and the end behind that."""

from __future__ import annotations

import logging
from collections import deque
from typing import Protocol

from trixter.faults import Abort, Action, Close, Dice, Direction, Eof, Reset
from trixter.faults.chain_output import RecordKeywords
from trixter.faults.fault import PIECE_OVERHEAD_BYTES
from trixter.monotonic import TURN_S, monotonic
from trixter.proxy.end_reason import EndReason
from trixter.proxy.sockets import MSG_EOR_FLAG, Socket

# The least that a direction has of a turn, however many have a backlog: some pieces.
SHORTEST_SHARE_S = 0.00002

# So many are sent without a look at the clock, which costs 0.05 µs. A piece costs 2 µs; but 100 times as much
# when small segments fill the receiver's memory, so the pieces alone are no measure of a share.
FEW_PIECES = 4

log = logging.getLogger("trixter.proxy")


class PipeOwner(Protocol):
    """Hear from a pipe. Any of these may end the connection, and so close the pipe that calls."""

    @property
    def dice(self) -> Dice:
        """The connection's; a direction with faults draws from a branch of its own."""

    @property
    def buffer_limit_bytes(self) -> int:
        """A direction with faults stops reading while it holds more, and goes on at half of it."""

    def record_of(self, direction: Direction) -> RecordKeywords:
        """Return where the faults of a direction record what they do, and what they know of the other one."""

    def on_finished(self, sink: Socket) -> None:
        """All bytes of a direction have left, and EOF is due at its sink."""

    def on_reset(self, sink: Socket) -> None:
        """A reset of the source is due at that sink, as soon as it has taken everything before it."""

    def on_lost(self, sock: Socket, exc: OSError) -> None:
        """A socket of the connection failed: its peer reset it, or is gone."""

    def on_end(self, end_reason: EndReason) -> None:
        """A fault ends the connection."""

    def on_end_behind(self, sink: Socket, end_reason: EndReason) -> None:
        """A fault resets the connection, as soon as the peer of that sink has everything before."""

    def on_crash(self, exc: Exception) -> None:
        """An internal error; only this connection ends."""


class DetachedOwner:
    """A no-op owner of pipes whose connection has ended; it breaks their reference cycle."""

    dice = Dice(0)
    buffer_limit_bytes = 1

    def record_of(self, direction: Direction) -> RecordKeywords:
        return {}

    def on_finished(self, sink: Socket) -> None: ...
    def on_reset(self, sink: Socket) -> None: ...
    def on_lost(self, sock: Socket, exc: OSError) -> None: ...
    def on_end(self, end_reason: EndReason) -> None: ...
    def on_end_behind(self, sink: Socket, end_reason: EndReason) -> None: ...

    def on_crash(self, exc: Exception) -> None:
        log.error("a connection that is over: internal error", exc_info=exc)


DETACHED = DetachedOwner()
"""The one that is needed."""


class Backlogs:
    """The number of sinks of a loop that have a backlog: they share a turn.

    Dozens of directions that slice send one after another, before the loop looks again which others have
    something to send. With 1 ms for each, a round trip of a calm connection beside 20 of them waited for
    230 ms of work; a short share for each, however few there are, cost a lonely one a quarter of its rate.
    """

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    @property
    def share_s(self) -> float:
        """Seconds that one direction may send for."""
        return max(TURN_S / (1 + self.count), SHORTEST_SHARE_S)


class Sink(Protocol):
    """What a sink writer needs of its pipe."""

    sink: Socket
    forwarded_bytes: int


class SinkWriter:
    """Do what a chain says, in order; pieces the sink does not take yet wait, and the end behind them.

    A reset is told at once, also while something waits: its owner waits until nothing is held any more.

    Args:
        pipe: Has a connected, non-blocking socket, and counts what that takes.
        owner: The owner, which is told of the end.
        backlogs: Those of the loop; by default, of this sink alone.
    """

    __slots__ = ("_backlogs", "_end", "_owner", "_pipe", "_waiting", "has_backlog", "held_bytes")

    def __init__(self, pipe: Sink, owner: PipeOwner, backlogs: Backlogs | None = None) -> None:
        self._pipe = pipe
        self._backlogs = backlogs or Backlogs()
        self.held_bytes = 0
        self.has_backlog = False
        """Whether the sink must take what waits before anything else."""
        self._owner: PipeOwner = owner
        self._waiting: deque[bytes | memoryview] | None = None  # made for a full sink: most never are
        self._end: Eof | Close | None = None

    @property
    def taken_bytes(self) -> int:
        """How many bytes were handed over, also those that the sink has not taken yet."""
        waiting = len(self._waiting) if self._waiting is not None else 0
        return self._pipe.forwarded_bytes + self.held_bytes - PIECE_OVERHEAD_BYTES * waiting

    def act(self, actions: list[Action]) -> None:
        """Do one after another; what takes longer than a share waits, as if the sink did not take it.

        Raises:
            OSError: If the sink is gone.
        """
        give_way_at = monotonic() + self._backlogs.share_s if len(actions) > FEW_PIECES else None
        pipe = self._pipe
        send = pipe.sink.send
        for action in actions:
            if isinstance(action, bytes):
                if self.has_backlog or (give_way_at is not None and monotonic() > give_way_at):
                    self.enqueue(action)
                    continue
                # Here and not in a call of its own: slices are many.
                try:
                    sent = send(action, MSG_EOR_FLAG)
                except BlockingIOError:
                    sent = 0
                pipe.forwarded_bytes += sent
                if sent < len(action):
                    self.enqueue(memoryview(action)[sent:])
            elif isinstance(action, Abort):
                self._owner.on_end(EndReason(action.reason, reset=True))
            elif isinstance(action, Reset):
                self._owner.on_reset(pipe.sink)
            elif self._waiting is not None:
                self._end = action
            else:
                self._finish(action)

    def enqueue(self, piece: bytes | memoryview) -> None:
        """Leave a piece, still a write of its own, until the sink takes it."""
        if self._waiting is None:
            self._waiting = deque()
            self.has_backlog = True
            self._backlogs.count += 1
        self._waiting.append(piece)
        self.held_bytes += len(piece) + PIECE_OVERHEAD_BYTES

    def flush(self) -> None:
        """Send what the sink takes of what waits, within a share, and then the end.

        Raises:
            OSError: If the sink is gone.
        """
        give_way_at = monotonic() + self._backlogs.share_s
        pipe = self._pipe
        while self._waiting:
            piece = self._waiting[0]
            try:
                sent = pipe.sink.send(piece, MSG_EOR_FLAG)
            except BlockingIOError:
                return
            pipe.forwarded_bytes += sent
            self.held_bytes -= sent
            if sent < len(piece):
                self._waiting[0] = memoryview(piece)[sent:]
                return
            self._waiting.popleft()
            self.held_bytes -= PIECE_OVERHEAD_BYTES
            if self._waiting and monotonic() > give_way_at:
                return  # it is still writable, so the poller calls again
        self._end_backlog()
        if self._end is not None:
            self._finish(self._end)

    def close(self) -> None:
        """Forget the backlog, and tell the owner nothing more."""
        self._end_backlog()
        self.held_bytes = 0
        self._owner = DETACHED  # no cycle: a connection that ended is freed at once

    def _end_backlog(self) -> None:
        if self._waiting is not None:
            self._waiting = None
            self.has_backlog = False
            self._backlogs.count -= 1

    def _finish(self, end: Eof | Close) -> None:
        """Pass the end on: everything before it has been sent."""
        if isinstance(end, Eof):
            self._owner.on_finished(self._pipe.sink)
        elif end.reset:
            self._owner.on_end_behind(self._pipe.sink, EndReason(end.reason, reset=True))
        else:
            self._owner.on_end(EndReason(end.reason))
