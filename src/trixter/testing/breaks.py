"""The breaks of a sweep: their points in a calm round, and the decisions that make them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Any, Self

from trixter.errors import SettingError
from trixter.faults import Decision, Direction, Effect, Faults, StageOrder
from trixter.faults.actions import Moment, Place
from trixter.faults.replayed import Replayed
from trixter.faults.validators import short_seconds_of
from trixter.testing.calm_round import Point, Record, Run
from trixter.units import Seconds


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


def place_text(record: Record, point: Point) -> str:
    """Describe a point with the bytes around it."""
    before, behind = record.around(point)
    texts = [
        "of TLS records" if point.connection in record.tls_connections() else "",
        f"after {_shown(before)}" if before else "",
        f"before {_shown(behind)}" if behind else "",
    ]
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

    def cut(self, parts: int) -> Iterator[Span]:
        """Yield it in so many parts of one size, or in fewer if it has fewer points."""
        parts = min(parts, self.count)
        edges = [self.first.offset_bytes + nth * self.count // parts for nth in range(parts + 1)]
        yield from (Span(self.at(start), self.at(stop - 1)) for start, stop in pairwise(edges))


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


def spans_of_retry(record: Record, broken: Break, after: Point) -> list[Span]:
    """Return where a sweep breaks a second time, in the retry after its first break; perhaps nowhere."""
    spans = dict.fromkeys(_spans_of(record, broken))
    return [Span(each.first._replace(after=after), each.last._replace(after=after)) for each in spans]


def _spans_of(record: Record, broken: Break) -> Iterator[Span]:
    messages = [each for each in record.messages() if each.direction in broken.directions]
    operations = [each for each in record.operations() if each.direction in broken.directions]
    runs = messages if broken.at is At.MESSAGE else operations
    if broken.kind is BreakWith.CUT:
        yield from filter(None, (_inside(each, broken.at) for each in runs))
        return
    has_ends = broken.kind not in CHANGES_BYTES
    if has_ends and broken.at in (At.OPERATION, At.CONNECTION):
        for connection in record.numbers:
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
