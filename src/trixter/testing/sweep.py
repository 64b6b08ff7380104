"""The plan of a sweep: its rounds, their outcomes, and the map of them."""

from __future__ import annotations

from bisect import insort
from collections import deque
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


@dataclass(frozen=True, slots=True)
class Range:
    """Points of one direction with one outcome.

    Args:
        first, last: Its ends.
        outcome: The outcome; ``None``: none was tried.
        tried: How many of them were tried.
        inferred: How many lie between two of one outcome, and were not.
    """

    first: Point
    last: Point
    outcome: Outcome | None
    tried: int
    inferred: int = 0

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

    def to_json(self) -> dict[str, Any]:
        """Return it as values of JSON."""
        return {
            "connection": self.first.connection,
            "direction": self.first.direction.value,
            "first": self.first.id,
            "last": self.last.id,
            "outcome": self.outcome.kind.value if self.outcome else None,
            "detail": self.outcome.detail if self.outcome else "",
            "tried": self.tried,
            "inferred": self.inferred,
        }

    def joined(self, other: Range) -> Range:
        """Return one range for this and a later one of the same outcome."""
        tried, inferred = self.tried + other.tried, self.inferred + other.inferred
        return Range(self.first, other.last, self.outcome, tried, inferred)

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

    Raises:
        SettingError: If that is no number of rounds.
    """

    def __init__(
        self, spans: Sequence[Span], *, exhaustive: bool = False, most_rounds: int | None = None
    ) -> None:
        if most_rounds is not None and (type(most_rounds) is not int or most_rounds < 1):
            raise SettingError("max_rounds", most_rounds, "a whole number, 1 or more")
        self.spans = spans
        self.points = sum(each.count for each in spans)
        """How many points there are."""
        self.outcomes: dict[Point, Outcome] = {}
        """Those of the rounds until now."""
        self._tried: dict[Span, list[int]] = {}  # of each span, ascending
        self._most_rounds = most_rounds
        count = self.points if exhaustive else sum(min(each.count, 2) for each in spans)
        self.is_thinned = most_rounds is not None and count > most_rounds
        """Whether points were left out for lack of rounds."""
        first = spans if exhaustive else [end for each in spans for end in _ends(each)]
        self._due = deque(_chosen(first, _evenly(count, most_rounds) if self.is_thinned else range(count)))

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
        for span in self.spans:
            if point in span:
                insort(self._tried.setdefault(span, []), point.offset_bytes)

    def ranges(self) -> list[Range]:
        """Return the map: ranges of one outcome, in order of connections, directions and bytes."""
        found: list[Range] = []
        for span in sorted(self.spans, key=lambda each: _order(each.first)):
            for each in self._ranges_of(span):
                if found and found[-1].outcome == each.outcome and found[-1].first[:2] == each.first[:2]:
                    each = found.pop().joined(each)
                found.append(each)
        return found

    def _middles(self) -> Iterator[Point]:
        """Yield the point between each two neighbours of one span that differ."""
        for span, tried in self._tried.items():
            for one, other in pairwise(tried):
                if other - one > 1 and self.outcomes[span.at(one)] != self.outcomes[span.at(other)]:
                    yield span.at((one + other) // 2)

    def _ranges_of(self, span: Span) -> Iterator[Range]:
        offset = span.first.offset_bytes
        for outcome, group in groupby(self._tried.get(span, []), key=lambda at: self.outcomes[span.at(at)]):
            tried = [*group]
            if offset < tried[0]:
                yield Range(span.at(offset), span.at(tried[0] - 1), None, 0)
            offset = tried[-1] + 1
            yield Range(
                span.at(tried[0]), span.at(tried[-1]), outcome, len(tried), offset - tried[0] - len(tried)
            )
        if offset <= span.last.offset_bytes:
            yield Range(span.at(offset), span.last, None, 0)


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
    """

    upstream: str
    broken: Break
    record: Record
    plan: Plan
    calm_s: float
    all_s: float
    is_plan_only: bool = False

    def lines(self) -> list[str]:
        """Return it as text."""
        first = f"sweep of {self.upstream}: {self.broken}"
        if not self.calm_s:
            return [f"{first}: not begun"]
        lines = [first, f"  calm: {self._calm_text()}"]
        if self.is_plan_only:
            return [*lines, f"  plan: {self._plan_text()}"]
        stream = None
        lines.append(f"  {self._counts_text(len(self.plan.outcomes))}, in {self.all_s:.1f} s")
        for each in self.plan.ranges():
            if each.first[:2] != stream:
                stream = each.first[:2]
                lines.append(f"  connection {each.first.connection}, {each.first.direction.value}")
            lines.append(f"    {each}")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return it as values of JSON, with its text."""
        return {
            "upstream": self.upstream,
            "break_with": self.broken.kind.value,
            "at": self.broken.at.value,
            "calm": {**self._calm_counts(), "duration_s": round(self.calm_s, 6)},
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
        rounds = self.plan.least_rounds
        more = " or more" if rounds < self.plan.points and not self.plan.is_thinned else ""
        return f"{self._counts_text(rounds, more)}, about {rounds * self.calm_s:.1f} s{more}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _ends(span: Span) -> list[Span]:
    ends = dict.fromkeys([span.first, span.last])
    return [Span(each, each) for each in ends]


def _evenly(count: int, wanted: int | None) -> Iterable[int]:
    assert wanted is not None
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
