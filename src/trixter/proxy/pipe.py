"""One direction's data plane: from the source socket straight to the sink, or by the slow path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from os import read as read_descriptor
from os import write as write_descriptor

from trixter.faults import EOF, NO_FAULTS, RESET, Direction, Faults
from trixter.proxy.loop import LoopContext
from trixter.proxy.memory import LEAST_READ_BYTES
from trixter.proxy.sink import DETACHED, PipeOwner
from trixter.proxy.slow_path import SlowPath
from trixter.proxy.sockets import Socket, error_of, unsent_bytes

# A large read; smaller ones are dearer to splice than to copy.
LARGE_BYTES = 4096

# After so many large reads, the kernel moves pages from socket to socket: cheaper than copies.
SPLICED_FROM_READS = 4

# After so many small ones in a row, a read takes 8 KiB at most again. Not after one: each message of 9,000
# bytes would be read, and sent, in two parts, at twice the CPU.
SMALL_FROM_READS = 16


class Pipe:
    """Carry the bytes of one direction from one socket to the other.

    A calm direction is this one object. It reads in one of three ways, and sends what came::

        read          until one is as long as it may be
        read large    until some in a row were small, or a few were large
        splice        within the kernel, until one is small

    Where that does not do, it makes its slow path, and keeps it: for the first fault, and for the first time
    that the sink does not take all. While neither is there, reading is as above again.

    Args:
        direction: Which way this is.
        source, sink: Connected, non-blocking sockets. The owner closes them, after ``close()``.
        context: The loop, its clock and its buffer.
        owner: The connection, which is told when something ends.
    """

    __slots__ = (
        "_context",
        "_is_lost",
        "_is_read",
        "_large_reads",
        "_owner",
        "_slow_path",
        "_small_reads",
        "direction",
        "forwarded_bytes",
        "has_ended",
        "is_closed",
        "sink",
        "sink_fd",
        "source",
        "source_fd",
    )

    def __init__(
        self, direction: Direction, source: Socket, sink: Socket, context: LoopContext, owner: PipeOwner
    ) -> None:
        self.direction = direction
        self.source = source
        self.sink = sink
        self.forwarded_bytes = 0
        """How many bytes the sink has taken."""
        self.is_closed = False
        self.has_ended = False
        """Whether the end of the source has been read."""
        self._context = context
        self._owner = owner
        self._slow_path: SlowPath | None = None
        self.source_fd = source.fileno()
        self.sink_fd = sink.fileno()
        self._is_read = False
        self._is_lost = False
        self._large_reads = 0  # while it is 0, a read takes 8 KiB at most
        self._small_reads = 0  # since the last large one

    @property
    def faults(self) -> Faults:
        """The faults in force. Assign to change them: at once, also for what is held."""
        return self._slow_path.faults if self._slow_path else NO_FAULTS

    @faults.setter
    def faults(self, faults: Faults) -> None:
        if not self.is_closed and faults != self.faults:
            self._leave_fast_path().change(faults)

    @property
    def held_bytes(self) -> int:
        """Memory kept for this direction: what is delayed, and what the sink would not take yet."""
        return self._slow_path.held_bytes if self._slow_path else 0

    @property
    def unsent_bytes(self) -> int:
        """How much of what is due the sink's peer does not have yet: what waits here, and in the kernel."""
        backlog_bytes = self._slow_path.backlog_bytes if self._slow_path else 0
        return backlog_bytes + unsent_bytes(self.sink)

    def operations(self) -> Counter[str]:
        """Return how many operations the faults of now might have struck, by the name of the fault."""
        return self._slow_path.operations() if self._slow_path else Counter()

    def start(self, faults: Faults = NO_FAULTS) -> None:
        """Begin to carry, with these faults, unless one of them ends it at once."""
        if self.is_closed:
            return
        if faults:
            self._leave_fast_path().open(faults)
            self.watch(wanted=not self.is_closed)
        else:
            self._is_read = True
            self._context.poller.read(self.source_fd, self.read)

    def read_early(self) -> None:
        """Read without waiting to be told: for a source that has likely spoken already."""
        if not self.is_closed:
            read = self.read if self._slow_path is None else self._reader()
            read()

    def read(self) -> None:
        """Read once, and send what came: the common case. `make instructions` counts it."""
        # Not recv() and send(): those take 1,000 instructions more of a message, to parse their arguments.
        try:
            data = read_descriptor(self.source_fd, LEAST_READ_BYTES)
        except OSError as exc:
            self.on_unreadable(exc)
            return
        if not data:
            self.on_end()
            return
        try:
            sent = write_descriptor(self.sink_fd, data)
        except BlockingIOError:
            sent = 0
        except OSError as exc:
            self._owner.on_lost(self.sink, exc)
            return
        self.forwarded_bytes += sent
        if sent < len(data) or sent == LEAST_READ_BYTES:
            self._on_full(data, sent)

    def watch(self, *, wanted: bool) -> None:
        """Read whenever there is something, or only watch whether the source is still there."""
        if wanted is self._is_read:
            return
        self._is_read = wanted
        poller = self._context.poller
        if not wanted:
            poller.pause(self.source_fd, self._on_hangup)
            return
        if self._is_lost:
            self._context.loop.call_soon(self._read_on)
        poller.read(self.source_fd, self._reader())

    def choose_reader(self) -> None:
        """Read the source in the way that is right now, if it is read."""
        if self._is_read:
            self._context.poller.read(self.source_fd, self._reader())

    def lose_source(self) -> None:
        """Pass on what the source sent before it was reset by its peer and, behind that, the reset."""
        if self._is_lost:
            return
        self._is_lost = True
        if self.has_ended:
            self.on_end()
        else:
            self._read_on()

    def lose_sink(self) -> None:
        """Stop, and forget what is held: it has nowhere to go. A reset of the source is still noticed."""
        self.is_closed = True
        self.watch(wanted=False)
        if self._slow_path is not None:
            self._slow_path.close()
            self._slow_path = None

    def close(self) -> None:
        """Stop, and forget what is held. Nothing is watched for it any more; the sockets must be closed."""
        self.is_closed = True
        self._is_read = False
        self._context.poller.forget(self.source_fd)
        self.source_fd = self.sink_fd = -1  # the numbers may soon be those of other sockets
        if self._slow_path is not None:
            self._slow_path.close()
            self._slow_path = None
        self._owner = DETACHED  # no cycle: a connection that ended is freed at once

    def on_unreadable(self, exc: OSError) -> None:
        """Wait for more, unless there is none to wait for."""
        if self._is_lost:
            self.on_end()
        elif not isinstance(exc, BlockingIOError):
            self._owner.on_lost(self.source, exc)

    def on_end(self) -> None:
        """Pass on the end of the source, or its reset, behind all that came before it."""
        self.has_ended = True
        try:
            if self._slow_path is not None:
                self._slow_path.put_end(RESET if self._is_lost else EOF)
                return
            if self._is_lost:
                self._owner.on_reset(self.sink)
            else:
                self._owner.on_finished(self.sink)
            if not self.is_closed:
                self._is_read = False
                self._context.poller.pause(self.source_fd, self._on_hangup)
        except Exception as exc:
            self.fail(exc)

    def fail(self, exc: Exception) -> None:
        """End the connection: a step went wrong."""
        if isinstance(exc, OSError):  # reading is guarded where it happens, so it was writing
            self._owner.on_lost(self.sink, exc)
        else:
            self._owner.on_crash(exc)

    def _on_full(self, data: bytes, sent: int) -> None:
        """Go on after a read as long as it may be, or with a sink that did not take all."""
        if len(data) == LEAST_READ_BYTES:
            self.note_read(len(data))
        if sent < len(data):
            self._leave_fast_path().send(data[sent:])

    def _leave_fast_path(self) -> SlowPath:
        if self._slow_path is None:
            self._slow_path = SlowPath(self, self._context, self._owner)
        return self._slow_path

    def _reader(self) -> Callable[[], None]:
        slow_path = self._slow_path
        if slow_path is not None and slow_path.is_needed:
            return slow_path.reader(large=self._large_reads > 0)
        if not self._large_reads:
            return self.read
        is_spliced = self._large_reads >= SPLICED_FROM_READS and self._context.splicer is not None
        return self._splice if is_spliced else self._read_large

    def _read_large(self) -> None:
        """Read all that there is, into the buffer that all pipes of the loop share, and send it."""
        context = self._context
        buffer = context.buffer
        try:
            size = self.source.recv_into(buffer, context.memory.most_read_bytes)
        except OSError as exc:
            self.on_unreadable(exc)
            return
        if not size:
            self.on_end()
            return
        try:
            sent = self.sink.send(buffer[:size])
        except BlockingIOError:
            sent = 0
        except OSError as exc:
            self._owner.on_lost(self.sink, exc)
            return
        self.forwarded_bytes += sent
        self.note_read(size)
        if sent < size:
            self._leave_fast_path().send(bytes(buffer[sent:size]))

    def _splice(self) -> None:
        """Pass on without copying: 1.6 times the rate at 0.6 of the CPU (bulk; 16 KiB, 50 connections)."""
        splicer = self._context.splicer
        if splicer is None or self._context.memory.is_short:
            self.note_read(0)
            return
        try:
            size = splicer.fill(self.source)
        except BlockingIOError:  # ready, and yet nothing to splice: an urgent byte is next, which can be read
            self.note_read(0)
            return
        except OSError as exc:
            self.on_unreadable(exc)
            return
        self.note_read(size)  # nothing at the end, too, which an ordinary read sees again
        try:
            sent, rest = splicer.empty(self.sink, size)
        except OSError as exc:
            self._owner.on_lost(self.sink, exc)
            return
        self.forwarded_bytes += sent
        if rest:
            self._leave_fast_path().send(rest)

    def note_read(self, size: int) -> None:
        """Read in another way if reads have become large, or small."""
        before = self._large_reads
        if size >= LARGE_BYTES:
            self._large_reads += 1
            self._small_reads = 0
        else:
            self._small_reads += 1
            if self._small_reads == SMALL_FROM_READS:
                self._large_reads = 0
            elif before >= SPLICED_FROM_READS:
                self._large_reads = 1
        if self._large_reads != before and self._large_reads <= SPLICED_FROM_READS:
            self.choose_reader()

    def _read_on(self) -> None:
        """Read what a lost source has left, a read a turn. Some pollers tell of a loss only once."""
        if self._is_read:
            self._reader()()
        if self._is_read:  # still: it was not the end
            self._context.loop.call_soon(self._read_on)

    def _on_hangup(self) -> None:
        if error := error_of(self.source):
            self._owner.on_lost(self.source, error)
        elif self._slow_path is not None:  # it only ended both ways: what is held leaves, or waited for that
            self._slow_path.release()
