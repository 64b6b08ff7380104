"""The plan of a sweep: its rounds, their outcomes, and the map of them."""

from __future__ import annotations

from bisect import insort
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby, pairwise
from typing import Any, NamedTuple

from trixter.errors import SettingError
from trixter.faults import Direction
from trixter.faults.actions import Moment
from trixter.testing.breaks import Break, Span
from trixter.testing.calm_round import Point, Record


class Kind(Enum):
    """The kind of an outcome."""

    OK = "ok"
    ERROR = "error"
    HANG = "hang"
    LEAK = "leak"
    WRONG = "wrong"


class Outcome(NamedTuple):
    """The outcome of a round.

    Args:
        kind: Its kind.
        detail: What tells it from others of its kind: the type of an exception, or how it went on.
    """

    kind: Kind
    detail: str = ""

    def __str__(self) -> str:
        if self.kind is Kind.ERROR:
            return self.detail
        return f"{self.kind.value} {self.detail}".rstrip()


AFTER_RETRY = Outcome(Kind.OK, "after a retry")


@dataclass(frozen=True, slots=True)
class Range:
    """Points of one direction with one outcome.

    Args:
        first, last: Its ends.
        outcome: The outcome; ``None``: none was tried.
        tried: How many of them were tried.
        inferred: How many lie between two of one outcome, and were not.
        retry: The map of the second breaks, of the points that have them.
    """

    first: Point
    last: Point
    outcome: Outcome | None
    tried: int
    inferred: int = 0
    retry: tuple[Range, ...] = ()

    def __str__(self) -> str:
        outcome = "not tried" if self.outcome is None else str(self.outcome)
        notes = [f"{self.tried:,} tried"] if self.tried and not self._is_dense else []
        notes += [f"{self.inferred:,} inferred"] if self.inferred else []
        note = f" ({', '.join(notes)})" if notes else ""
        return f"{self._places}: {outcome}{note}"

    @property
    def _is_dense(self) -> bool:
        """Whether each byte from the first to the last was tried."""
        opening = self.first.moment is Moment.REACHED and self.last != self.first
        return self.tried == self.last.offset_bytes - self.first.offset_bytes + 1 + opening

    def lines(self, indent: str) -> Iterator[str]:
        """Yield it as text, and the map of its retry below."""
        yield f"{indent}{self}"
        yield from _map_lines(self.retry, f"{indent}  ", "in the retry, ")

    def to_json(self, after: Point | None = None) -> dict[str, Any]:
        """Return it as values of JSON.

        Args:
            after: The first break, of a range of second ones.
        """
        return {
            "connection": self.first.connection,
            "direction": self.first.direction.value,
            "first": self.first._replace(after=after).id,
            "last": self.last._replace(after=after).id,
            "outcome": self.outcome.kind.value if self.outcome else None,
            "detail": self.outcome.detail if self.outcome else "",
            "tried": self.tried,
            "inferred": self.inferred,
            "retry": [each.to_json(self.first) for each in self.retry],
        }

    def is_continued_by(self, other: Range) -> bool:
        """Return whether a later one is of the same direction, and says the same."""
        return (self.first[:2], self.outcome, self.retry) == (other.first[:2], other.outcome, other.retry)

    def joined(self, other: Range) -> Range:
        """Return one range for this and a later one that continues it."""
        tried, inferred = self.tried + other.tried, self.inferred + other.inferred
        return Range(self.first, other.last, self.outcome, tried, inferred, self.retry)

    @property
    def _places(self) -> str:
        if self.first == self.last:
            return self.first.place
        if self.first.moment is self.last.moment is Moment.BYTE:
            return f"bytes {self.first.offset_bytes:,}–{self.last.offset_bytes:,}"  # noqa: RUF001
        return f"{self.first.place} to {self.last.place}"


class Plan:
    """The rounds of a sweep: one after another, for what is tried next depends on the outcomes.

    First come the ends of every span. Where those of one span differ, the point in the middle of the two
    neighbours that differ comes next, until neighbours are next to each other. That finds every change if
    there is one between two ends of different outcome; two changes that cancel each other are not seen.

    Args:
        spans: Where to break.
        exhaustive: Whether to try every point.
        most_rounds: So many rounds at most: of more points, evenly chosen ones are tried.
        part: Which part of the spans to try, from 1, and of how many.

    Raises:
        SettingError: If that is no number of rounds.
    """

    def __init__(
        self,
        spans: Sequence[Span],
        *,
        exhaustive: bool = False,
        most_rounds: int | None = None,
        part: tuple[int, int] = (1, 1),
    ) -> None:
        if most_rounds is not None and (type(most_rounds) is not int or most_rounds < 1):
            raise SettingError("max_rounds", most_rounds, "a whole number, 1 or more")
        self.points = 0
        """How many points there are."""
        self.outcomes: dict[Point, Outcome] = {}
        """Those of the rounds until now."""
        self.is_thinned = False
        """Whether points were left out for lack of rounds."""
        self._spans: dict[Point | None, list[Span]] = {}  # by the point of the break before
        self._tried: dict[Span, list[int]] = {}  # of each span, ascending
        self._due: deque[Point] = deque()
        self._exhaustive = exhaustive
        self._most_rounds = most_rounds
        number, parts = part
        # Whole spans, so that their changes are found; but if every point is tried, there are none to find.
        dealt = [piece for each in spans for piece in each.cut(parts)] if exhaustive else spans
        self.add(dealt[number - 1 :: parts])
        rounds = Counter(end.first.connection for each in spans for end in self._first_of(each))
        self.most_retry_rounds = sum(rounds[each.connection] for each in self._due)
        """How many rounds retries have if each break has one, which is like the connection that broke."""
        if most_rounds is not None:
            self.most_retry_rounds = min(self.most_retry_rounds, most_rounds - len(self._due))

    def add(self, spans: Iterable[Span]) -> None:
        """Try these spans as well, with the rounds that are left."""
        spans = [*spans]
        for each in spans:
            self._spans.setdefault(each.first.after, []).append(each)
            self.points += each.count
        first = [part for each in spans for part in self._first_of(each)]
        count = sum(each.count for each in first)
        left = count if self._most_rounds is None else self._most_rounds - self.least_rounds
        self.is_thinned |= count > left
        self._due.extend(_chosen(first, _evenly(count, left) if count > left else range(count)))

    def __contains__(self, point: Point) -> bool:
        """Return whether that is one of its points."""
        return any(point in each for each in self._spans.get(point.after, []))

    @property
    def least_rounds(self) -> int:
        """How many rounds there will be if no two neighbours differ."""
        return len(self.outcomes) + len(self._due)

    def next_point(self) -> Point | None:
        """Return the point of the next round; ``None``: there is none."""
        if not self._due and (self._most_rounds is None or len(self.outcomes) < self._most_rounds):
            self._due.extend(filter(None, [next(self._middles(), None)]))
        return self._due.popleft() if self._due else None

    def note(self, point: Point, outcome: Outcome) -> None:
        """Take in the outcome of a round."""
        self.outcomes[point] = outcome
        for span in self._spans.get(point.after, []):
            if point in span:
                insort(self._tried.setdefault(span, []), point.offset_bytes)

    def ranges(self, after: Point | None = None) -> list[Range]:
        """Return the map: ranges of one outcome, in order of connections, directions and bytes.

        Args:
            after: The first break: the map is that of the second ones.
        """
        found: list[Range] = []
        for span in sorted(self._spans.get(after, []), key=lambda each: _order(each.first)):
            for each in self._ranges_of(span):
                if found and found[-1].is_continued_by(each):
                    each = found.pop().joined(each)
                found.append(each)
        return found

    def _first_of(self, span: Span) -> list[Span]:
        """Return what is tried of a span in any case."""
        return [span] if self._exhaustive else _ends(span)

    def _middles(self) -> Iterator[Point]:
        """Yield the point between each two neighbours of one span that differ."""
        for span, tried in self._tried.items():
            for one, other in pairwise(tried):
                if other - one > 1 and self.outcomes[span.at(one)] != self.outcomes[span.at(other)]:
                    yield span.at((one + other) // 2)

    def _ranges_of(self, span: Span) -> Iterator[Range]:
        def found(offset_bytes: int) -> tuple[Outcome, tuple[Range, ...]]:
            point = span.at(offset_bytes)
            return self.outcomes[point], tuple(self.ranges(point))

        # The break before is that of the whole map.
        at = Span(span.first._replace(after=None), span.last._replace(after=None)).at
        offset = span.first.offset_bytes
        for (outcome, retry), group in groupby(self._tried.get(span, []), key=found):
            tried = [*group]
            if offset < tried[0]:
                yield Range(at(offset), at(tried[0] - 1), None, 0)
            offset = tried[-1] + 1
            inferred = offset - tried[0] - len(tried)
            yield Range(at(tried[0]), at(tried[-1]), outcome, len(tried), inferred, retry)
        if offset <= span.last.offset_bytes:
            yield Range(at(offset), at(span.last.offset_bytes), None, 0)


@dataclass(frozen=True, slots=True)
class SweepMap:
    """The map of a sweep.

    Args:
        upstream: The address of the server.
        broken: The break.
        record: The calm round.
        plan: The rounds.
        calm_s: The duration of the calm round; 0 if it has not ended.
        all_s: The duration of all rounds.
        is_plan_only: Whether no more rounds are to come.
        part: Which part of the points the rounds try, from 1, and of how many.
        also: As for ``Sweep``.
        left_out: How many retries were too long to be broken as well.
    """

    upstream: str
    broken: Break
    record: Record
    plan: Plan
    calm_s: float
    all_s: float
    is_plan_only: bool = False
    part: tuple[int, int] = (1, 1)
    also: str | None = None
    left_out: int = 0

    def lines(self) -> list[str]:
        """Return it as text."""
        also = f", also {self.also}" if self.also else ""
        part = ", part {} of {}".format(*self.part) if self.part[1] > 1 else ""
        first = f"sweep of {self.upstream}: {self.broken}{also}{part}"
        if not self.calm_s:
            return [f"{first}: not begun"]
        lines = [first, f"  calm: {self._calm_text()}"]
        if self.record.tls_connections():
            lines.append("  under TLS: bytes are those of its records, which hide what they carry")
        if self.is_plan_only:
            return [*lines, f"  plan: {self._plan_text()}"]
        lines.append(f"  {self._counts_text(len(self.plan.outcomes))}, in {self.all_s:.1f} s")
        lines.extend(_map_lines(self.plan.ranges(), "  "))
        if self.left_out:
            lines.append(f"  retries that have too many reads to be broken: {self.left_out:,}")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return it as values of JSON, with its text."""
        return {
            "upstream": self.upstream,
            "break_with": self.broken.kind.value,
            "at": self.broken.at.value,
            "also": self.also,
            "part": "{}/{}".format(*self.part),
            "calm": {**self._calm_counts(), "duration_s": round(self.calm_s, 6)},
            "tls_connections": self.record.tls_connections(),
            "points": self.plan.points,
            "rounds": len(self.plan.outcomes),
            "is_thinned": self.plan.is_thinned,
            "duration_s": round(self.all_s, 6),
            "ranges": [each.to_json() for each in self.plan.ranges()],
            "lines": self.lines(),
        }

    def _calm_counts(self) -> dict[str, int]:
        return {
            "connections": self.record.connections,
            "messages": sum(1 for _ in self.record.messages()),
            "operations": sum(1 for _ in self.record.operations()),
            "bytes": sum(each.size_bytes for each in self.record.reads),
        }

    def _calm_text(self) -> str:
        counts = [counted(number, noun.removesuffix("s")) for noun, number in self._calm_counts().items()]
        return ", ".join([*counts, f"{self.calm_s:.3f} s"])

    def _counts_text(self, rounds: int, more: str = "") -> str:
        thinned = ", evenly thinned" if self.plan.is_thinned else ""
        return f"{counted(rounds, 'round')}{more} for {counted(self.plan.points, 'point')}{thinned}"

    def _plan_text(self) -> str:
        rounds, retries = self.plan.least_rounds, self.plan.most_retry_rounds if self.also else 0
        more = " or more" if rounds < self.plan.points and not self.plan.is_thinned else ""
        also = f", and {retries:,} more if each leads to a retry" if retries else ""
        seconds = [f"{each * self.calm_s:.1f}" for each in (rounds, *([rounds + retries] if retries else []))]
        return f"{self._counts_text(rounds, more)}{also}, about {' to '.join(seconds)} s{more}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _map_lines(ranges: Iterable[Range], indent: str, where: str = "") -> Iterator[str]:
    stream = None
    for each in ranges:
        if each.first[:2] != stream:
            stream = each.first[:2]
            yield f"{indent}{where}connection {each.first.connection}, {each.first.direction.value}"
        yield from each.lines(f"{indent}  ")


def _ends(span: Span) -> list[Span]:
    ends = dict.fromkeys([span.first, span.last])
    return [Span(each, each) for each in ends]


def _evenly(count: int, wanted: int) -> Iterable[int]:
    return (nth * count // wanted for nth in range(wanted))


def _chosen(spans: Iterable[Span], numbers: Iterable[int]) -> Iterator[Point]:
    """Yield the points of these numbers, in ascending order, counted over all spans."""
    due = iter(spans)
    span, before = next(due, None), 0
    for number in numbers:
        while span is not None and number - before >= span.count:
            before += span.count
            span = next(due, None)
        assert span is not None
        yield span.at(span.first.offset_bytes + number - before)


def _order(point: Point) -> tuple[int, bool, int, bool]:
    is_later = point.direction is Direction.DOWNSTREAM, point.offset_bytes, point.moment is Moment.BYTE
    return point.connection, *is_later
