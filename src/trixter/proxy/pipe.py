"""One direction's data plane: source socket, chain, sink socket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeVarTuple

from trixter.chain_driver import ChainDriver
from trixter.faults import EOF, NO_FAULTS, RESET, Action, Dice, Direction, End, Faults
from trixter.faults.chain_output import OnDecision
from trixter.proxy.loop import LoopContext
from trixter.proxy.memory import InFlightShare
from trixter.proxy.sink import DetachedOwner, PipeOwner, SinkWriter
from trixter.proxy.sockets import BUFFER_BYTES, MSG_EOR_FLAG, Socket, unsent_bytes
from trixter.proxy.source import SourceReader, refuse

Ts = TypeVarTuple("Ts")


def ends_connection_on_error(step: Callable[[Pipe, *Ts], None]) -> Callable[[Pipe, *Ts], None]:
    """Let an exception in a step of a pipe end its connection, and nothing else."""

    def guarded_step(self: Pipe, *args: *Ts) -> None:
        try:
            step(self, *args)
        except Exception as exc:
            self.fail(exc)

    return guarded_step


class Pipe:
    """Carry the bytes of one direction from one socket to the other, through the chain if it is not calm.

    All deciding is the chain's. The pipe writes what it is told to, and stops reading while too much is held.
    Its state is one of each line; ``_settle`` chooses it whenever something may have changed::

        reading   on                            off: too much is held, or the source has ended
        path      straight: calm, no backlog    around the chain: it admits the read    through the chain
        writing   idle                          backlog: the poller tells when the sink takes more

    Args:
        direction: Which way this is.
        source, sink: Connected, non-blocking sockets. The owner closes them, after ``close()``.
        context: The loop, its clock and its buffer.
        dice: The connection's; a direction with faults draws from a branch of its own.
        buffer_limit_bytes: Stop reading while more than this is held; go on at half of it.
        owner: The connection, which is told when something ends.
        strikes, operations, on_decision: As the chain takes them.
    """

    __slots__ = (
        "_buffer_limit_bytes",
        "_chain",
        "_context",
        "_counted_bytes",
        "_dice",
        "_in",
        "_in_flight",
        "_is_faulty",
        "_is_written",
        "_on_decision",
        "_operations",
        "_out",
        "_owner",
        "_source_ended",
        "_strikes",
        "direction",
        "is_closed",
    )

    def __init__(
        self,
        direction: Direction,
        source: Socket,
        sink: Socket,
        *,
        context: LoopContext,
        dice: Dice,
        buffer_limit_bytes: int,
        owner: PipeOwner,
        strikes: Counter[str],
        operations: Counter[str],
        on_decision: OnDecision | None,
    ) -> None:
        self.direction = direction
        self.is_closed = False
        self._out = SinkWriter(sink, owner, context.backlogs)
        self._in = SourceReader(
            source, self._out, context=context, owner=owner, on_data=self._on_data, forward=self._forward
        )
        self._chain: ChainDriver | None = None  # made with the first fault: most connections never need one
        self._context = context
        self._dice = dice
        self._buffer_limit_bytes = buffer_limit_bytes
        self._owner = owner
        self._strikes = strikes
        self._operations = operations
        self._on_decision = on_decision
        self._is_faulty = False  # bytes go through the chain; kept by _settle
        self._is_written = False  # the poller says when the sink takes more; kept by _settle
        self._source_ended = False
        self._counted_bytes = 0  # of what is held, in the memory of all; kept by _settle

    @property
    def faults(self) -> Faults:
        """The faults in force. Assign to change them: at once, also for what is held."""
        return self._chain.faults if self._chain else NO_FAULTS

    @faults.setter
    def faults(self, faults: Faults) -> None:
        if not self.is_closed and faults != self.faults:
            self._change(faults)

    @ends_connection_on_error
    def _open(self, faults: Faults) -> None:
        self._chain = self._new_chain(faults)
        self._run_under(self._chain, self._chain.open())

    @ends_connection_on_error
    def _change(self, faults: Faults) -> None:
        if self._chain is None:
            self._chain = self._new_chain(faults)
            self._run_under(self._chain, self._chain.take())
        else:
            self._run_under(self._chain, self._chain.change(faults, self._out.taken_bytes))

    def _new_chain(self, faults: Faults) -> ChainDriver:
        self._in_flight = InFlightShare(self._context.in_flight)
        return ChainDriver(
            faults,
            self._dice.branch(self.direction.value),
            self._context.clock,
            self._on_time,
            strikes=self._strikes,
            operations=self._operations,
            on_decision=self._on_decision,
            passed_bytes=self._out.taken_bytes,
        )

    def _run_under(self, chain: ChainDriver, actions: list[Action]) -> None:
        """Read and send as the faults of the chain ask for; do what they let leave at once."""
        self._in.set_timestamps(wanted=chain.has_latency)
        self._in.send_flags = MSG_EOR_FLAG if chain.is_slicing else 0
        self._in.most_bytes = int(min(chain.most_read_bytes, BUFFER_BYTES))
        self._out.act(actions)
        self._settle()

    def operations(self) -> Counter[str]:
        """Return how many operations the faults of now might have struck, by the name of the fault."""
        return self._chain.operations() if self._chain else Counter()

    @property
    def forwarded_bytes(self) -> int:
        """How many bytes the sink has taken."""
        return self._out.forwarded_bytes

    @property
    def held_bytes(self) -> int:
        """Memory kept for this direction: what is delayed, and what the sink would not take yet."""
        return self._out.held_bytes + (self._chain.held_bytes if self._chain else 0)

    def start(self, faults: Faults = NO_FAULTS) -> None:
        """Begin to carry, with these faults, unless one of them ends it at once."""
        if faults and not self.is_closed:
            self._open(faults)
        if not self.is_closed:
            self._in.watch(wanted=True)

    def read_early(self) -> None:
        """Read without waiting to be told: for a source that has likely spoken already."""
        if not self.is_closed:
            self._in.read()

    def lose_source(self) -> None:
        """Pass on what the source sent before it was reset by its peer and, behind that, the reset."""
        if not self._in.is_lost:
            self._in.lose(has_ended=self._source_ended)

    def lose_sink(self) -> None:
        """Stop, and forget what is held: it has nowhere to go. A reset of the source is still noticed."""
        if self._is_written:
            self._context.poller.stop_writing(self._out.sink.fileno())
            self._is_written = False
        self.is_closed = True
        self._in.watch(wanted=False)
        self._forget()

    def close(self) -> None:
        """Stop, and forget what is held. Nothing is watched for it any more; the sockets must be closed."""
        self.is_closed = True
        self._in.close()
        if self._is_written:
            self._context.poller.forget(self._out.sink.fileno())
        self._forget()
        self._owner = DetachedOwner()  # no cycle: a connection that ended is freed at once
        self._on_decision = None

    @property
    def unsent_bytes(self) -> int:
        """How much of what is due the sink's peer does not have yet: what waits here, and in the kernel."""
        return self._out.held_bytes + unsent_bytes(self._out.sink)

    def _forget(self) -> None:
        self._count(0)
        self._out.close()
        if self._chain is not None:
            self._chain.close()
            self._chain = None
            self._in_flight.adjust(0, 0, 0)

    def _on_data(self, data: bytes, age_s: float) -> None:
        """Take the long way: through the chain if there is one, behind what waits if something does."""
        chain, out = self._chain, self._out
        if not data:
            self._take_end(RESET if self._in.is_lost else EOF)
            return
        try:  # and not @guarded: this is called for every read of a direction with faults
            if chain is None or not self._is_faulty:
                self._forward(data)
                return
            out.act(chain.put(data, age_s))
            # With nothing held anywhere, neither before nor now, there is nothing to settle.
            if not (chain.is_idle and not out.has_backlog):
                self._settle()
        except Exception as exc:
            self.fail(exc)

    @ends_connection_on_error
    def _take_end(self, end: End) -> None:
        """Take the end of the source in; it leaves behind all that came before it."""
        self._source_ended = True
        if self._chain is None or not self._is_faulty:
            self._out.act([end])
        else:
            self._out.act(self._chain.put_end(end))
        self._settle()

    @ends_connection_on_error
    def _forward(self, item: bytes) -> None:
        """Send what no fault concerns (any more), behind what waits."""
        self._out.act([item])
        self._settle()

    @ends_connection_on_error
    def _on_time(self) -> None:
        assert self._chain is not None
        self._out.act(self._chain.take())
        self._settle()

    @ends_connection_on_error
    def _on_writable(self) -> None:
        self._out.flush()
        self._settle()

    def fail(self, exc: Exception) -> None:
        """End the connection: a step went wrong."""
        if isinstance(exc, OSError):  # reading is guarded where it happens, so it was writing
            self._owner.on_lost(self._out.sink, exc)
        else:
            self._owner.on_crash(exc)

    def _settle(self) -> None:
        """Make the path, the timer and what is watched fit what is held now."""
        if self.is_closed:
            return
        chain, out, source = self._chain, self._out, self._in
        self._is_faulty = chain is not None and not chain.is_calm
        if chain is not None:
            chain.arm()
        source.is_calm = not (self._is_faulty or out.has_backlog)
        source.admits = refuse if chain is None or out.has_backlog else chain.admits
        held_bytes = self.held_bytes
        if held_bytes != self._counted_bytes:
            self._count(held_bytes)
        # A calm direction keeps nothing it need not keep: it reads on when the sink has taken all.
        high_bytes = min(self._buffer_limit_bytes, self._context.memory.free_bytes) if self._is_faulty else 0
        if out.has_backlog and not self._is_written:
            self._context.poller.write(out.sink.fileno(), self._on_writable)
        elif self._is_written and not out.has_backlog:
            self._context.poller.stop_writing(out.sink.fileno())
        self._is_written = out.has_backlog
        fullness = 0.0
        if chain is not None:
            free_bytes = self._context.memory.free_bytes
            held_bytes -= self._in_flight.adjust(chain.in_flight_bytes, held_bytes, free_bytes)
            fullness = chain.fullness
        if held_bytes > high_bytes or fullness > 1 or self._source_ended:
            source.watch(wanted=False)
        elif held_bytes <= high_bytes // 2 and fullness <= 0.5:
            source.watch(wanted=True)

    def _count(self, held_bytes: int) -> None:
        """Let all directions know how much this one holds."""
        self._context.memory.count(held_bytes - self._counted_bytes)
        self._counted_bytes = held_bytes
