"""The slow path of a direction: through the chain of its faults, and behind the backlog of its sink."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from os import read as read_descriptor
from os import write as write_descriptor
from typing import Protocol, TypeVarTuple

from trixter.chain_driver import ChainDriver
from trixter.faults import NO_FAULTS, Action, Direction, End, Faults
from trixter.faults.chain_output import RecordKeywords
from trixter.proxy.loop import LoopContext
from trixter.proxy.memory import LEAST_READ_BYTES, InFlightShare
from trixter.proxy.sink import PipeOwner, SinkWriter
from trixter.proxy.sockets import BUFFER_BYTES, MSG_EOR_FLAG, Socket
from trixter.proxy.timestamps import recv_stamped, stamp_arrivals

Ts = TypeVarTuple("Ts")


class FastPath(Protocol):
    """A pipe, as its slow path sees it."""

    direction: Direction
    source: Socket
    sink: Socket
    source_fd: int
    sink_fd: int
    forwarded_bytes: int
    is_closed: bool
    has_ended: bool

    def choose_reader(self) -> None:
        """Take note that another way of reading is right now."""

    def note_read(self, size: int) -> None:
        """Read in another way if reads have become large, or small."""

    def watch(self, *, wanted: bool) -> None:
        """Read whenever there is something, or only watch whether the source is still there."""

    def on_end(self) -> None:
        """The source has been read to its end."""

    def on_unreadable(self, exc: OSError) -> None:
        """The source could not be read."""

    def fail(self, exc: Exception) -> None:
        """End the connection: a step went wrong."""


def ends_connection_on_error(step: Callable[[SlowPath, *Ts], None]) -> Callable[[SlowPath, *Ts], None]:
    """Let an exception in a step of a slow path end its connection, and nothing else."""

    def guarded_step(self: SlowPath, *args: *Ts) -> None:
        try:
            step(self, *args)
        except Exception as exc:
            self._pipe.fail(exc)

    return guarded_step


class SlowPath:
    """Do what the faults of a direction ask for, and keep what its sink does not take.

    All deciding is the chain's. The slow path writes what it is told to, and stops the reading while too much
    is held. Its state is one of each line; ``_settle`` chooses it whenever something may have changed::

        reading   on                          off: too much is held, or the source has ended
        path      fast: no fault, no backlog  around the chain: it admits the read    through the chain
        writing   idle                        backlog: the poller tells when the sink takes more

    Args:
        pipe: Its pipe, which reads while nothing here is needed.
        context: The loop, its clock and its buffer.
        owner: The connection.
    """

    __slots__ = (
        "_admits",
        "_buffer_limit_bytes",
        "_chain",
        "_context",
        "_counted_bytes",
        "_dice",
        "_in_flight",
        "_is_faulty",
        "_is_stamped",
        "_is_written",
        "_most_bytes",
        "_out",
        "_pipe",
        "_record",
        "_send_flags",
        "_small_bytes",
        "faults",
        "is_needed",
    )

    def __init__(self, pipe: FastPath, context: LoopContext, owner: PipeOwner) -> None:
        self._is_faulty = False  # bytes go through the chain, or around it; kept by _settle
        self.faults = NO_FAULTS
        """The faults in force."""
        self.is_needed = False  # so they do, or they go behind a backlog; kept by _settle
        """Whether the source is to be read by ``reader``."""
        self._pipe = pipe
        self._context = context
        self._dice = owner.dice
        self._buffer_limit_bytes = owner.buffer_limit_bytes
        self._record = owner.record_of(pipe.direction)
        self._out = SinkWriter(pipe, owner, context.backlogs)
        self._chain: ChainDriver | None = None  # made with the first fault
        self._admits = refuse  # asked of the size of each read
        self._send_flags = 0
        self._most_bytes = BUFFER_BYTES  # of one read
        self._small_bytes = LEAST_READ_BYTES  # while reads are small
        self._is_stamped = False
        self._is_written = False  # the poller says when the sink takes more; kept by _settle
        self._counted_bytes = 0  # of what is held, in the memory of all; kept by _settle

    @property
    def backlog_bytes(self) -> int:
        """Memory kept for what the sink would not take yet."""
        return self._out.held_bytes

    @property
    def held_bytes(self) -> int:
        """That, and what the chain holds."""
        return self._out.held_bytes + (self._chain.held_bytes if self._chain else 0)

    def reader(self, *, large: bool) -> Callable[[], None]:
        """Return what reads the source: once, when there is something."""
        if self._is_stamped:
            return self._read_stamped
        return self._read_large if large else self._read

    def operations(self) -> Counter[str]:
        """Return how many operations the faults of now might have struck, by the name of the fault."""
        return self._chain.operations() if self._chain else Counter()

    @ends_connection_on_error
    def open(self, faults: Faults) -> None:
        """Begin with these faults: they may concern the opening of the connection."""
        self.faults = faults
        chain = self._chain = self._new_chain(faults)
        self._run_under(chain, chain.open())

    @ends_connection_on_error
    def change(self, faults: Faults) -> None:
        """Swap the faults: at once, also for what is held."""
        self.faults = faults
        if self._chain is None:
            self._chain = self._new_chain(faults)
            self._run_under(self._chain, self._chain.take())
        else:
            self._run_under(self._chain, self._chain.change(faults, self._out.taken_bytes))

    @ends_connection_on_error
    def send(self, data: bytes) -> None:
        """Send what no fault concerns (any more), behind what waits."""
        self._out.act([data])
        self._settle()

    def release(self) -> None:
        """Let leave what may leave by now."""
        if self._chain is None:
            return
        try:  # as in _put: this is for each piece that was held
            self._out.act(self._chain.take())
            self._settle()
        except Exception as exc:
            self._pipe.fail(exc)

    def put_end(self, end: End) -> None:
        """Take the end of the source in; it leaves behind all that came before it.

        Raises:
            OSError: If the sink is gone.
        """
        if self._chain is None or not self._is_faulty:
            self._out.act([end])
        else:
            self._out.act(self._chain.put_end(end))
        self._settle()

    def close(self) -> None:
        """Stop, and forget what is held."""
        if self._is_written:
            self._is_written = False
            self._context.poller.stop_writing(self._pipe.sink.fileno())
        self._context.memory.count(-self._counted_bytes)
        self._counted_bytes = 0
        self._out.close()
        if self._chain is not None:
            self._chain.close()
            self._chain = None
            self._in_flight.adjust(0, 0, 0)

    def _new_chain(self, faults: Faults) -> ChainDriver:
        self._in_flight = InFlightShare(self._context.in_flight)
        dice = self._dice.branch(self._pipe.direction.value)
        record: RecordKeywords = {**self._record, "passed_bytes": self._out.taken_bytes}
        return ChainDriver(faults, dice, self._context.clock, self.release, **record)

    def _run_under(self, driver: ChainDriver, actions: list[Action]) -> None:
        """Read and send as the faults of the chain ask for; do what they let leave at once."""
        chain = driver.chain
        self._set_timestamps(wanted=chain.has_latency)
        self._send_flags = MSG_EOR_FLAG if chain.is_slicing else 0
        self._most_bytes = int(min(chain.most_read_bytes, BUFFER_BYTES))
        self._small_bytes = min(self._most_bytes, LEAST_READ_BYTES)
        if actions:
            self._out.act(actions)
        self._settle()

    def _set_timestamps(self, *, wanted: bool) -> None:
        """Use kernel receive timestamps, so that latency counts from the arrival and not from the read."""
        wanted = wanted and self._context.can_stamp
        if wanted != self._is_stamped:
            self._is_stamped = wanted
            if wanted:
                stamp_arrivals(self._pipe.source)
            if self.is_needed:  # otherwise the pipe reads by itself, until ``_settle`` has it choose
                self._pipe.choose_reader()

    def _read(self) -> None:
        """Read once; send at once what no fault would touch, and put the rest into the chain."""
        pipe = self._pipe
        try:
            data = read_descriptor(pipe.source_fd, self._small_bytes)
        except OSError as exc:
            pipe.on_unreadable(exc)
            return
        size = len(data)
        if size == LEAST_READ_BYTES:
            pipe.note_read(size)
        if size and self._admits(size):
            try:
                # As Pipe.read, without send(), unless what is written must stay a segment of its own.
                if self._send_flags:
                    sent = pipe.sink.send(data, self._send_flags)
                else:
                    sent = write_descriptor(pipe.sink_fd, data)
            except BlockingIOError:
                sent = 0
            except OSError as exc:
                pipe.fail(exc)
                return
            pipe.forwarded_bytes += sent
            if sent < size:
                self.send(data[sent:])
        else:
            self._put(data, 0.0)

    def _read_large(self) -> None:
        """Do the same with all that there is, in the buffer that all pipes of the loop share."""
        pipe, context = self._pipe, self._context
        buffer, most_bytes = context.buffer, self._most_bytes
        if most_bytes > context.memory.most_read_bytes:
            most_bytes = context.memory.most_read_bytes
        try:
            size = pipe.source.recv_into(buffer, most_bytes)
        except OSError as exc:
            pipe.on_unreadable(exc)
            return
        pipe.note_read(size)
        if size and self._admits(size):
            try:
                sent = pipe.sink.send(buffer[:size], self._send_flags)
            except BlockingIOError:
                sent = 0
            except OSError as exc:
                pipe.fail(exc)
                return
            pipe.forwarded_bytes += sent
            if sent < size:
                self.send(bytes(buffer[sent:size]))
        else:
            self._put(bytes(buffer[:size]), 0.0)

    def _read_stamped(self) -> None:
        """Read for a direction with latency: it counts from when bytes arrived.

        Waking us up took 0.1 ms of a latency of 50 ms with 1 connection, and the queue of 100 more.
        """
        context, most_bytes = self._context, self._most_bytes
        if most_bytes > context.memory.most_read_bytes:
            most_bytes = context.memory.most_read_bytes
        buffer = context.buffer[:most_bytes]
        try:
            size, age_s = recv_stamped(self._pipe.source, buffer)
        except OSError as exc:
            self._pipe.on_unreadable(exc)
            return
        self._put(bytes(buffer[:size]), age_s)

    def _put(self, data: bytes, age_s: float) -> None:
        chain, out = self._chain, self._out
        if not data:
            self._pipe.on_end()
            return
        if chain is None or not self._is_faulty:
            self.send(data)  # behind the backlog
            return
        try:  # and not guarded by a call: this is for every read of a direction with faults
            actions = chain.put(data, age_s)
            if actions:
                out.act(actions)
            # With nothing held anywhere, neither before nor now, there is nothing to settle.
            if not (chain.is_idle and not out.has_backlog):
                self._settle()
        except Exception as exc:
            self._pipe.fail(exc)

    @ends_connection_on_error
    def _on_writable(self) -> None:
        self._out.flush()
        self._settle()

    def _settle(self) -> None:
        """Make the path, the timer and what is watched fit what is held now."""
        pipe, chain, out = self._pipe, self._chain, self._out
        if pipe.is_closed:
            return
        has_backlog, held_bytes = out.has_backlog, out.held_bytes
        is_faulty, in_flight_bytes, fullness = False, 0, 0.0
        if chain is not None:
            chain_bytes = 0
            if not chain.is_idle:
                chain.arm()
                chain_bytes, in_flight_bytes, fullness = chain.occupancy()
                held_bytes += chain_bytes
            is_faulty = chain_bytes > 0 or not chain.is_calm
        self._admits = refuse if chain is None or has_backlog else chain.admits
        self._is_faulty = is_faulty
        # What the sink has not taken may count as under way, and then reading goes on: behind it.
        is_needed = is_faulty or has_backlog
        if is_needed is not self.is_needed:
            self.is_needed = is_needed
            pipe.choose_reader()
        memory = self._context.memory
        if held_bytes != self._counted_bytes:
            memory.count(held_bytes - self._counted_bytes)
            self._counted_bytes = held_bytes
        if has_backlog is not self._is_written:
            self._is_written = has_backlog
            if has_backlog:
                self._context.poller.write(pipe.sink.fileno(), self._on_writable)
            else:
                self._context.poller.stop_writing(pipe.sink.fileno())
        # A calm direction keeps nothing it need not keep: it reads on when the sink has taken all.
        high_bytes = self._buffer_limit_bytes if is_faulty and held_bytes else 0
        if high_bytes > memory.free_bytes:
            high_bytes = memory.free_bytes
        if chain is not None and (in_flight_bytes or self._in_flight.lent_bytes):
            held_bytes -= self._in_flight.adjust(in_flight_bytes, held_bytes, memory.free_bytes)
        if held_bytes > high_bytes or fullness > 1 or pipe.has_ended:
            pipe.watch(wanted=False)
        elif held_bytes <= high_bytes // 2 and fullness <= 0.5:
            pipe.watch(wanted=True)


def refuse(size_bytes: int) -> bool:
    """Let nothing go around the chain."""
    return False
