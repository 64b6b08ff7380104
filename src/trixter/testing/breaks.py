"""The breaks of a sweep: a calm round as values, and the points at which a later one breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Self

from trixter.errors import SettingError
from trixter.faults import Decision, Dice, Direction, Effect, Fault, Faults, Stage, StageOrder
from trixter.faults.actions import Moment, Place
from trixter.faults.probabilistic import OPERATION_BYTES
from trixter.faults.replayed import Replayed
from trixter.faults.validators import short_seconds_of
from trixter.units import Seconds

# Of the calm round: more is counted, and not kept, so that a download does not fill the memory.
MOST_KEPT_BYTES = 16 * 1024 * 1024

# Of the calm round: a test of seconds. A longer one would be swept for days.
MOST_READS = 100_000

# On either side of a break: as much as a person takes in.
SHOWN_BYTES = 24


class BreakWith(Enum):
    """The way in which a connection breaks at a point."""

    RESET = "reset"
    """Both sides are reset, once the peer has all bytes before."""
    CLOSE = "close"
    """Both sides are closed behind the bytes before."""
    HALF_CLOSE = "half-close"
    """The direction ends, and the other one goes on."""
    FREEZE = "freeze"
    """From there on nothing arrives in the direction, and the connection stays open."""
    LATENCY = "latency"
    """From there on every byte of the direction is late."""
    CUT = "cut"
    """A message arrives in two segments, with a pause between them."""
    CORRUPT = "corrupt"
    """The byte is another."""
    LOSE_REQUEST = "lose_request"
    """Nothing of a message to the server arrives: then a reset, or silence."""
    LOSE_ANSWER = "lose_answer"
    """Of a message of the server some bytes arrive: then a reset, or silence."""


class At(Enum):
    """The points of a sweep."""

    OPERATION = "every operation"
    """The opening, both ends of each read of up to 8 KiB, and the end of a direction."""
    MESSAGE = "every message"
    """The beginning of each run of bytes in one direction, until the other side speaks."""
    BYTE = "every byte"
    """Before each byte, and behind the last one."""
    CONNECTION = "every connection"
    """The opening."""


CHANGES_BYTES = {BreakWith.LATENCY, BreakWith.CUT, BreakWith.CORRUPT}
"""They need a byte: nothing of them is at an opening, or behind the last byte."""

LOSES_MESSAGE = {BreakWith.LOSE_REQUEST: Direction.UPSTREAM, BreakWith.LOSE_ANSWER: Direction.DOWNSTREAM}
"""They are about a message, and have their direction."""


@dataclass(frozen=True, slots=True)
class Break:
    """The break of a sweep.

    Args:
        kind: The way.
        at: The points.
        directions: Where.
        delay_s: The latency, or the pause of a cut.
        answer_bytes: The bytes of a lost answer that arrive all the same.
        silence: Whether a lost message is followed by silence, in place of a reset.
    """

    kind: BreakWith
    at: At
    directions: tuple[Direction, ...]
    delay_s: float = 0.2
    answer_bytes: int = 0
    silence: bool = False

    @classmethod
    def of(
        cls,
        break_with: str,
        at: str | None = None,
        direction: Direction | None = None,
        *,
        delay_s: Seconds = 0.2,
        answer_bytes: int = 0,
        silence: bool = False,
    ) -> Self:
        """Return the break of these settings, as a test writes them.

        Raises:
            SettingError: If there is no such break, or it cannot be there.
        """
        kind = _choice("break_with", break_with, BreakWith)
        own = LOSES_MESSAGE.get(kind)
        where = _choice("at", at, At) if at else At.MESSAGE if own else At.OPERATION
        beside = f"with break_with={break_with!r}"
        if own and where is not At.MESSAGE:
            raise SettingError("at", where.value, f"'every message' {beside}")
        if own and direction not in (None, own):
            raise SettingError("direction", direction, f"{own.value!r}, or left out, {beside}")
        if kind in CHANGES_BYTES and where is At.CONNECTION:
            raise SettingError("at", where.value, f"a place that has a byte {beside}")
        if type(answer_bytes) is not int or answer_bytes < 0:
            raise SettingError("answer_bytes", answer_bytes, "a whole number, 0 or more")
        if answer_bytes and kind is not BreakWith.LOSE_ANSWER:
            raise SettingError("answer_bytes", answer_bytes, f"left out {beside}")
        if silence and not own:
            raise SettingError("silence", silence, f"left out {beside}")
        direction = own or direction
        directions = (direction,) if direction else tuple(Direction)
        return cls(kind, where, directions, short_seconds_of("delay_s", delay_s), answer_bytes, silence)

    @property
    def holds_end(self) -> bool:
        """Whether the program can close the connection, and the proxy does not see it."""
        return self.silence or self.kind is BreakWith.FREEZE

    def __str__(self) -> str:
        direction = f", {self.directions[0].value}" if len(self.directions) == 1 else ""
        silence = ", then silence," if self.silence else ""
        return f"{self.kind.value}{silence} at {self.at.value}{direction}"


def _choice(name: str, value: object, choices: type[Any]) -> Any:
    try:
        return choices(value)
    except ValueError:
        accepts = ", ".join(repr(each.value) for each in choices)
        raise SettingError(name, value, f"one of {accepts}") from None


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
    """A calm round: what arrived, in the order in which it did.

    Args:
        reads: The reads.
        connections: How many connections were opened.
    """

    def __init__(self, reads: Iterable[Read] = (), connections: int = 0) -> None:
        self.reads: list[Read] = []
        self.connections = connections
        self.kept_bytes = 0
        for each in reads:
            self.add(each.connection, each.direction, each.data)

    def add(self, connection: int, direction: Direction, data: bytes) -> None:
        """Take in a read."""
        if len(self.reads) <= MOST_READS:
            kept = data[: MOST_KEPT_BYTES - self.kept_bytes]
            self.kept_bytes += len(kept)
            self.reads.append(Read(connection, direction, len(data), kept))

    @property
    def is_too_long(self) -> bool:
        """Whether there were more reads than are kept."""
        return len(self.reads) > MOST_READS

    def faults(self, connection: int, direction: Direction) -> Faults:
        """Return the faults of a connection of the calm round: one that notes what arrives."""
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

    def size_bytes(self, connection: int, direction: Direction) -> int:
        """Return how many bytes arrived in a direction."""
        key = connection, direction
        return sum(read.size_bytes for read in self.reads if (read.connection, read.direction) == key)

    def around(self, point: Point) -> tuple[bytes, bytes]:
        """Return the last bytes before a point, and the next ones, as far as they are kept."""
        before, behind, position = b"", b"", 0
        for read in self.reads:
            if (read.connection, read.direction) != (point.connection, point.direction):
                continue
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


class Point(NamedTuple):
    """A point of a connection.

    Args:
        connection: Its number, from 1.
        direction: The direction.
        offset_bytes: The bytes before it.
        moment: Whether the next byte has arrived, or all before it have.
    """

    connection: int
    direction: Direction
    offset_bytes: int
    moment: Moment = Moment.BYTE

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
        return ":".join([*parts, *([] if self.moment is Moment.BYTE else [self.moment.value])])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the point of an id.

        Raises:
            SettingError: If that is none.
        """
        connection, direction, offset, moment = [*text.split(":"), *[Moment.BYTE.value] * 4][:4]
        try:
            return cls(int(connection), Direction(direction), int(offset), Moment(moment))
        except ValueError:
            raise SettingError("point", text, "such as '1:downstream:214'") from None

    def __str__(self) -> str:
        return f"connection {self.connection}, {self.direction.value}, {self.place}"


def place_text(record: Record, point: Point) -> str:
    """Describe a point with the bytes around it."""
    before, behind = record.around(point)
    texts = [f"after {_shown(before)}" if before else "", f"before {_shown(behind)}" if behind else ""]
    return ", ".join([str(point), *filter(None, texts)])


def _shown(data: bytes) -> str:
    text = data.decode("latin-1")
    if all(each.isascii() and (each.isprintable() or each in "\r\n\t") for each in text):
        return "`" + text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t") + "`"
    return f"`{data.hex(' ')}`"


@dataclass(frozen=True, slots=True)
class Span:
    """Points between whose ends nothing is tried while both ends have one outcome.

    Args:
        first, last: The ends, at bytes of one direction; the same for a single point.
    """

    first: Point
    last: Point

    def __contains__(self, point: Point) -> bool:
        is_between = self.first.offset_bytes <= point.offset_bytes <= self.last.offset_bytes
        return is_between and point == self.at(point.offset_bytes)

    def at(self, offset_bytes: int) -> Point:
        """Return the point of that byte."""
        return self.first._replace(offset_bytes=offset_bytes)

    @property
    def count(self) -> int:
        """How many points it has."""
        return self.last.offset_bytes - self.first.offset_bytes + 1


def spans_of(record: Record, broken: Break) -> list[Span]:
    """Return where a sweep breaks, in the order in which a round comes by.

    Raises:
        SettingError: If no point is left.
    """
    spans = [*dict.fromkeys(_spans_of(record, broken))]
    if not spans:
        directions = " and ".join(each.value for each in broken.directions)
        raise SettingError(
            "break_with", broken.kind.value, f"a break that has a point {directions} at {broken.at.value}"
        )
    return spans


def _spans_of(record: Record, broken: Break) -> Iterator[Span]:
    messages = [each for each in record.messages() if each.direction in broken.directions]
    operations = [each for each in record.operations() if each.direction in broken.directions]
    runs = messages if broken.at is At.MESSAGE else operations
    if broken.kind is BreakWith.CUT:
        yield from filter(None, (_inside(each, broken.at) for each in runs))
        return
    has_ends = broken.kind not in CHANGES_BYTES
    if has_ends and broken.at in (At.OPERATION, At.CONNECTION):
        for connection in range(1, record.connections + 1):
            yield _single(Point(connection, broken.directions[0], 0, Moment.REACHED))
    if broken.at is At.CONNECTION:
        return
    ends = {each.end for each in messages}
    if broken.at is At.BYTE:
        ends = {*{(each.connection, each.direction): each.end for each in messages}.values()}
    for each in runs:
        at = each.start + broken.answer_bytes
        if broken.at is At.BYTE:
            yield Span(each.point(each.start), each.point(each.stop - 1))
        elif at < each.stop:
            yield _single(each.point(at))
        if has_ends and broken.at is not At.MESSAGE and each.end in ends:
            yield _single(each.end)


def _inside(run: Run, at: At) -> Span | None:
    """Return where a run can be torn in two."""
    if run.stop - run.start < 2:
        return None
    if at is At.BYTE:
        return Span(run.point(run.start + 1), run.point(run.stop - 1))
    return _single(run.point((run.start + run.stop) // 2))


def _single(point: Point) -> Span:
    return Span(point, point)


def break_faults(record: Record, broken: Break, point: Point) -> Faults:
    """Return the faults of the point's direction of its connection, for one round."""
    decisions = tuple(
        Decision(
            kind=kind,
            effect=effect,
            offset_bytes=at,
            moment=point.moment,
            detail=detail,
            place=Place(StageOrder.ALTER, 1),
            input_bytes=at,
        )
        for kind, effect, at, detail in _effects(record, broken, point)
    )
    return Faults(Replayed(decisions=decisions, name="sweep"))


def _effects(
    record: Record, broken: Break, point: Point
) -> Iterator[tuple[str, Effect, int, dict[str, Any]]]:
    at, kind = point.offset_bytes, broken.kind
    if broken.holds_end:
        yield "freeze", Effect.SET, at, {"is_on": True}
        return
    match kind:
        case BreakWith.CLOSE:
            yield "sweep", Effect.CLOSE, at, {"reason": "sweep"}
        case BreakWith.HALF_CLOSE:
            yield "sweep", Effect.HALF_CLOSE, at, {}
        case BreakWith.LATENCY:
            yield "latency", Effect.HOLD, at, {"delay_s": broken.delay_s}
        case BreakWith.CUT:
            yield "slice", Effect.HOLD, at, {"delay_s": broken.delay_s}
            key = point.connection, point.direction
            stops = [each.stop for each in record.messages() if (each.connection, each.direction) == key]
            stop = min((each for each in stops if each > at), default=None)
            if stop is not None:
                yield "slice", Effect.HOLD, stop, {"delay_s": 0.0}
        case BreakWith.CORRUPT:
            _, behind = record.around(point)
            former = behind[0] if behind else 0
            yield "corrupt", Effect.FLIP, at, {"bytes": [(0, former, former ^ 0xFF)]}
        case _:  # a reset, also in place of a lost message
            yield "sweep", Effect.RESET, at, {"reason": "sweep", "behind": True}
