"""The record of a round: what arrived in it, as values, and its points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from trixter.errors import SettingError
from trixter.faults import Dice, Direction, Fault, Faults, Stage, StageOrder
from trixter.faults.actions import Moment
from trixter.faults.probabilistic import OPERATION_BYTES

# Of the calm round, and of all retries: more is counted, and not kept, so that a download does not fill the
# memory.
MOST_KEPT_BYTES = 16 * 1024 * 1024

# Of the calm round, and of all retries: a test of seconds. A longer one would be swept for days.
MOST_READS = 100_000

# On either side of a break: as much as a person takes in.
SHOWN_BYTES = 24


class Point(NamedTuple):
    """A point of a connection.

    Args:
        connection: Its number, from 1.
        direction: The direction.
        offset_bytes: The bytes before it.
        moment: Whether the next byte has arrived, or all before it have.
        after: The point of the break before, in whose retry this one is; ``None``: this is the first.
    """

    connection: int
    direction: Direction
    offset_bytes: int
    moment: Moment = Moment.BYTE
    after: Point | None = None

    @property
    def breaks(self) -> list[Point]:
        """The points of all breaks of its round."""
        return [self] if self.after is None else [self.after, self]

    @property
    def place(self) -> str:
        """Its place in the direction."""
        if self.moment is Moment.BYTE:
            return f"byte {self.offset_bytes:,}"
        return f"behind {self.offset_bytes:,} bytes" if self.offset_bytes else "the opening"

    @property
    def id(self) -> str:
        """What it is called in a command."""
        parts = [str(self.connection), self.direction.value, str(self.offset_bytes)]
        own = ":".join([*parts, *([] if self.moment is Moment.BYTE else [self.moment.value])])
        return own if self.after is None else f"{self.after.id}+{own}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the point of an id.

        Raises:
            SettingError: If that is none.
        """
        try:
            first, *second = (cls._of(*part.split(":")) for part in text.split("+", 1))
        except (TypeError, ValueError):
            raise SettingError("point", text, "such as '1:downstream:214'") from None
        return second[0]._replace(after=first) if second else first

    @classmethod
    def _of(cls, connection: str, direction: str, offset: str, moment: str = Moment.BYTE.value) -> Self:
        return cls(int(connection), Direction(direction), int(offset), Moment(moment))

    def __str__(self) -> str:
        return f"connection {self.connection}, {self.direction.value}, {self.place}"


class Read(NamedTuple):
    """A read of the calm round: what arrived at once, in one direction of one connection."""

    connection: int
    direction: Direction
    size_bytes: int
    data: bytes
    """The bytes; fewer, or none, if too many were kept already."""


@dataclass(frozen=True, slots=True)
class Run:
    """Bytes of one direction that belong together: a read, an operation, or a message."""

    connection: int
    direction: Direction
    start: int
    stop: int

    @property
    def end(self) -> Point:
        """The point behind its last byte."""
        return Point(self.connection, self.direction, self.stop, Moment.REACHED)

    def point(self, offset_bytes: int) -> Point:
        """Return the point at a byte of the direction."""
        return Point(self.connection, self.direction, offset_bytes)


class Record:
    """A round, or connections of one: what arrived, in the order in which it did.

    Args:
        most_reads: More are counted as too long.
        most_kept_bytes: Of more bytes, only their number is kept.
    """

    def __init__(self, most_reads: int = MOST_READS, most_kept_bytes: int = MOST_KEPT_BYTES) -> None:
        self.reads: list[Read] = []
        self.first_connection = 1
        """The number of its first connection."""
        self.connections = 0
        """How many connections were opened."""
        self.kept_bytes = 0
        self._most_reads = most_reads
        self._most_kept_bytes = most_kept_bytes

    def add(self, connection: int, direction: Direction, data: bytes) -> None:
        """Take in a read."""
        if len(self.reads) <= self._most_reads:
            kept = data[: self._most_kept_bytes - self.kept_bytes]
            self.kept_bytes += len(kept)
            self.reads.append(Read(connection, direction, len(data), kept))

    @property
    def is_too_long(self) -> bool:
        """Whether there were more reads than are kept."""
        return len(self.reads) > self._most_reads

    @property
    def numbers(self) -> range:
        """The numbers of its connections."""
        return range(self.first_connection, self.first_connection + self.connections)

    def only(self, first_connection: int, connections: int) -> Record:
        """Return what arrived on so many of its connections, from the first one on."""
        part = Record()
        part.first_connection, part.connections = first_connection, connections
        for each in self.reads:
            if each.connection in part.numbers:
                part.reads.append(each)
                part.kept_bytes += len(each.data)
        return part

    def faults(self, connection: int, direction: Direction) -> Faults:
        """Return the faults of a connection that is recorded: one that notes what arrives."""
        self.connections = max(self.connections, connection)
        return Faults(Tap(take=lambda data: self.add(connection, direction, data)))

    def runs(self) -> Iterator[Run]:
        """Yield each read."""
        passed: dict[tuple[int, Direction], int] = {}
        for read in self.reads:
            key = read.connection, read.direction
            start = passed.get(key, 0)
            passed[key] = start + read.size_bytes
            yield Run(*key, start, passed[key])

    def operations(self) -> Iterator[Run]:
        """Yield each read, in parts of at most the size of an operation."""
        for run in self.runs():
            for start in range(run.start, run.stop, OPERATION_BYTES):
                yield Run(run.connection, run.direction, start, min(start + OPERATION_BYTES, run.stop))

    def messages(self) -> Iterator[Run]:
        """Yield each run of bytes in one direction until the other side speaks, in order of beginning."""
        last: dict[int, Run] = {}
        found: list[Run] = []
        place: dict[int, int] = {}
        for run in self.runs():
            before = last.get(run.connection)
            if before is not None and before.direction is run.direction:
                run = Run(run.connection, run.direction, before.start, run.stop)
                found[place[run.connection]] = run
            else:
                place[run.connection] = len(found)
                found.append(run)
            last[run.connection] = run
        return iter(found)

    def tls_connections(self) -> list[int]:
        """Return the numbers of those that speak TLS: one of their reads begins with a ClientHello.

        After RFC 8446, 4.1.2 and 5.1: a record of a handshake (22, 3), whose first message is of type 1. The
        client may have asked for it before, as in PostgreSQL or SMTP.
        """
        return sorted(
            {
                each.connection
                for each in self.reads
                if each.data[:2] == b"\x16\x03" and each.data[5:6] == b"\x01"
            }
        )

    def around(self, point: Point) -> tuple[bytes, bytes]:
        """Return the last bytes before a point, and the next ones, as far as they are kept."""
        before, behind, position = b"", b"", 0
        for read in self.reads:
            if (read.connection, read.direction) != (point.connection, point.direction):
                continue
            if len(behind) == SHOWN_BYTES:
                break
            if len(read.data) < read.size_bytes:
                return b"", b""
            at = point.offset_bytes - position
            position += read.size_bytes
            if at > 0:
                before = (before + read.data[:at])[-SHOWN_BYTES:]
            behind += read.data[max(at, 0) : max(at, 0) + SHOWN_BYTES - len(behind)]
        return before, behind


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap(Fault):
    """Note what arrives, and pass it on.

    Args:
        take: Called with each read.
    """

    take: Callable[[bytes], None]

    order = StageOrder.ALTER

    def _check(self) -> None: ...

    @property
    def is_off(self) -> bool:
        return False

    def stage(self, dice: Dice, now: float) -> Stage[Any]:
        return TapStage(self, dice)


class TapStage(Stage[Tap]):
    """Holds nothing."""

    may_wait = False

    def put(self, data: bytes, now: float) -> None:
        self.fault.take(data)
        self.next.put(data, now)
