"""One direction's data plane: source socket, chain, sink socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import TypeVarTuple

from trixter.faults import CALM, EOF, Abort, Action, Chain, Close, Dice, Direction, Eof, Faults
from trixter.proxy.backlog import Backlog
from trixter.proxy.clock import Timer
from trixter.proxy.ending import Ending
from trixter.proxy.owner import Nobody, Owner
from trixter.proxy.reactor import BUFFER_BYTES, FAULTY_READ_BYTES, Reactor
from trixter.proxy.sockets import OWN_SEGMENT, Socket

Ts = TypeVarTuple("Ts")


def guarded(step: Callable[[Pipe, *Ts], None]) -> Callable[[Pipe, *Ts], None]:
    """Let what goes wrong in a step end the pipe's connection, and nothing else."""

    def guarded_step(pipe: Pipe, *args: *Ts) -> None:
        try:
            step(pipe, *args)
        except Exception as exc:
            pipe._fail(exc)

    return guarded_step


class Pipe:
    """Carry the bytes of one direction from one socket to the other, through the chain if it is not calm.

    All deciding is the chain's. The pipe reads what there is, writes what it is told to, keeps exactly one
    appointment, and stops reading while too much is held.

    Args:
        direction: Which way this is.
        source, sink: Connected, non-blocking sockets. The owner closes them, after ``close()``.
        reactor: The loop, its clock and its buffer.
        luck: The connection's; a direction with faults draws from a branch of its own.
        limit_bytes: Stop reading while more than this is held; go on at half of it.
        owner: Who is told when something ends.
    """

    __slots__ = (
        "_backlog",
        "_calm",
        "_chain",
        "_faulty",
        "_limit_bytes",
        "_luck",
        "_most_bytes",
        "_owner",
        "_reactor",
        "_reading",
        "_sink",
        "_source",
        "_source_ended",
        "_source_lost",
        "_timer",
        "direction",
        "is_closed",
        "passed_bytes",
    )

    def __init__(
        self,
        direction: Direction,
        source: Socket,
        sink: Socket,
        *,
        reactor: Reactor,
        luck: Dice,
        limit_bytes: int,
        owner: Owner,
    ) -> None:
        self.direction = direction
        self.passed_bytes = 0
        self.is_closed = False
        self._source = source
        self._sink = sink
        self._reactor = reactor
        self._luck = luck
        self._limit_bytes = limit_bytes
        self._owner = owner
        self._chain: Chain | None = None  # made with the first fault: most connections never need one
        self._backlog: Backlog | None = None  # only while the sink is full
        self._calm = True  # no fault, nothing held, no backlog; kept by _settle
        self._faulty = False  # bytes go through the chain; kept by _settle
        self._most_bytes = BUFFER_BYTES  # of one read
        self._reading = False
        self._source_ended = False
        self._source_lost = False
        self._timer: Timer | None = None

    @property
    def faults(self) -> Faults:
        """The faults in force. Assign to change them: at once, also for what is held."""
        return self._chain.faults if self._chain else CALM

    @faults.setter
    def faults(self, faults: Faults) -> None:
        if not self.is_closed and faults != self.faults:
            self._change(faults, self._reactor.clock.time())

    @guarded
    def _change(self, faults: Faults, now: float) -> None:
        if self._chain is None:
            self._chain = Chain(faults, self._luck.branch(self.direction.value), now)
        else:
            self._chain.change(faults, now)
        self._act(self._chain.take(now))
        self._settle()

    @property
    def held_bytes(self) -> int:
        """Memory kept for this direction: what is delayed, and what the sink would not take yet."""
        delayed_bytes = self._chain.held_bytes if self._chain else 0
        return delayed_bytes + (self._backlog.held_bytes if self._backlog else 0)

    def start(self) -> None:
        """Begin to carry, unless a fault has ended it already."""
        if not self.is_closed:
            self._read(wanted=True)

    def read_now(self) -> None:
        """Read without waiting to be told: for a source that has likely spoken already."""
        if not self.is_closed:
            self._on_readable()

    def close(self) -> None:
        """Stop, and forget what is held. The sockets are not watched any more, and must be closed."""
        self.is_closed = True
        for sock in (self._source, self._sink):
            self._reactor.poller.forget(sock.fileno())
        self._set_timer(None)
        self._chain = self._backlog = None
        self._owner = Nobody()  # no cycle: a connection that ended is freed at once, without the collector

    def read_last(self) -> None:
        """Pass on what a lost source sent before it was lost; only the first call does."""
        if self._source_lost:
            return
        self._source_lost = True
        try:
            while not self.is_closed and (
                size := self._source.recv_into(self._reactor.buffer, self._most_bytes)
            ):
                self._take_in(size)
        except OSError:
            pass  # there is no more, or nowhere to send it
        except Exception as exc:
            self._fail(exc)

    def _on_readable(self) -> None:
        buffer = self._reactor.buffer
        try:
            size = self._source.recv_into(buffer, self._most_bytes)
        except BlockingIOError:
            return
        except OSError as exc:
            self._owner.on_lost(self._source, exc)
            return
        if self._calm and size:
            # The common case: not even a look at the chain. Run the benchmark before touching this.
            try:
                sent = self._sink.send(buffer[:size])
            except BlockingIOError:
                sent = 0
            except OSError as exc:
                self._owner.on_lost(self._sink, exc)
                return
            self.passed_bytes += sent
            if sent < size:
                self._keep(bytes(buffer[sent:size]))
                self._settle()
        else:
            try:
                self._take_in(size)
            except Exception as exc:
                self._fail(exc)

    def _fail(self, exc: Exception) -> None:
        """End the connection: a step went wrong."""
        if isinstance(exc, OSError):  # reading is guarded where it happens, so it was writing
            self._owner.on_lost(self._sink, exc)
        else:
            self._owner.on_crash(exc)

    def _take_in(self, size: int) -> None:
        """Take the long way: through the chain if there is one, behind the backlog if there is one."""
        data = bytes(self._reactor.buffer[:size])
        if not data:
            self._source_ended = True
        chain = self._chain
        if chain is None or not self._faulty:
            self._act([data or EOF])
            self._settle()
            return
        now = self._reactor.clock.time()
        if data:
            chain.put(data, now)
        else:
            chain.put_eof(now)
        self._act(chain.take(now))
        # With nothing held anywhere, neither before nor now, there is nothing to settle.
        if not (data and chain.is_idle and self._backlog is None and self._timer is None):
            self._settle()

    @guarded
    def _on_time(self) -> None:
        assert self._chain is not None
        self._timer = None
        self._act(self._chain.take(self._reactor.clock.time()))
        self._settle()

    def _act(self, actions: list[Action]) -> None:
        """Do one after another; settle afterwards."""
        for action in actions:
            if isinstance(action, bytes) and self._backlog is None:
                # Here and not in a call of its own: slices are many.
                try:
                    sent = self._sink.send(action, OWN_SEGMENT)
                except BlockingIOError:
                    sent = 0
                self.passed_bytes += sent
                if sent < len(action):
                    self._keep(memoryview(action)[sent:])
            else:
                self._perform(action)
                if self.is_closed:
                    return

    @guarded
    def _on_writable(self) -> None:
        assert self._backlog is not None
        self.passed_bytes += self._backlog.flush(self._sink)
        if not self._backlog:
            end = self._backlog.end
            self._drop_backlog()
            if end is not None:
                self._finish(end)
        self._settle()

    def _perform(self, action: Action) -> None:
        """Take one step that is not just sending, or leave it in the backlog behind the others."""
        if isinstance(action, bytes):
            self._keep(action)
        elif isinstance(action, Abort):
            self._owner.on_ending(Ending(action.reason, reset=True))
        elif self._backlog is not None:
            self._backlog.end = action
        else:
            self._finish(action)

    def _finish(self, end: Eof | Close) -> None:
        """Pass the end on: everything before it has been sent."""
        if isinstance(end, Close):
            self._owner.on_ending(Ending(end.reason))
        else:
            self._owner.on_finished(self._sink)

    def _settle(self) -> None:
        """Make the flag, the appointment and the reading fit what is held now."""
        if self.is_closed:
            return
        chain = self._chain
        if chain is None or chain.is_calm:
            # A calm direction keeps nothing it need not keep: it reads on when the sink has taken all.
            self._faulty, self._most_bytes, high_bytes = False, BUFFER_BYTES, 0
            self._calm = self._backlog is None
            self._set_timer(None)
        else:
            self._faulty, self._most_bytes, high_bytes = True, FAULTY_READ_BYTES, self._limit_bytes
            self._calm = False
            self._set_timer(chain.wake_at())
        held_bytes = self.held_bytes
        if held_bytes > high_bytes or self._source_ended:
            self._read(wanted=False)
        elif held_bytes <= high_bytes // 2:
            self._read(wanted=True)

    def _read(self, *, wanted: bool) -> None:
        """Read from the source, or only watch whether it is still there."""
        if wanted == self._reading:
            return
        self._reading = wanted
        if wanted:
            self._reactor.poller.read(self._source.fileno(), self._on_readable)
        else:
            self._reactor.poller.pause(self._source.fileno(), self._on_hangup)

    def _on_hangup(self) -> None:
        error = self._source.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:  # otherwise it only ended both ways, and what is held still leaves
            self._owner.on_lost(self._source, OSError(error, os.strerror(error)))

    def _keep(self, piece: bytes | memoryview) -> None:
        """Leave a piece until the sink takes it."""
        if self._backlog is None:
            self._backlog = Backlog()
            self._reactor.poller.write(self._sink.fileno(), self._on_writable)
        self._backlog.append(piece)

    def _drop_backlog(self) -> None:
        if self._backlog is not None:
            self._reactor.poller.stop_writing(self._sink.fileno())
            self._backlog = None

    def _set_timer(self, when: float | None) -> None:
        """Keep exactly one appointment, or none."""
        if self._timer is not None:
            if self._timer.when == when:
                return
            self._timer.cancel()
            self._timer = None
        if when is not None:
            self._timer = self._reactor.clock.call_at(when, self._on_time)
