"""The chart: how many times better ours is than each peer, measure by measure, as SVG."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, log2
from statistics import median

from benchmarks.bars import Figure, Samples, ratios, times_better
from benchmarks.measures import MEASURES
from benchmarks.peers import ORIGINAL, OURS, TOXIPROXY
from benchmarks.results import Facts, Results
from benchmarks.svg import box, diamond, document, dot, line, text

WIDTH, LEFT, RIGHT = 1060, 432, 890
TOP, BOTTOM, ROW, MARGIN = 122, 62, 34, 24

# In steps of two: a peer twice as good is as far from 1 as one half as good.
LEAST_TIMES, MOST_TIMES = 1 / 4, 256


@dataclass(frozen=True)
class Lane:
    """The mark of one peer: its place in each row, and its shape.

    HAProxy and no proxy have none: they have no faults, and are limits to be read in the table.
    """

    peer: str
    kind: str
    mark: Callable[[float, float, str], str]
    middle: float
    column: float


LANES = (Lane(ORIGINAL, "first", dot, 10, RIGHT + 76), Lane(TOXIPROXY, "second", diamond, 24, RIGHT + 148))


@dataclass(frozen=True)
class Row:
    """One figure that has bars against peers."""

    title: str
    figure: Figure
    samples: Samples


def chart(results: Results) -> str:
    """Return the SVG."""
    rows = charted(results)
    end = TOP + ROW * len(rows)
    parts = [
        text(MARGIN, 38, "trixter, in pure Python, beside its peers", "title"),
        text(MARGIN, 60, "How many times better it is: faster, or with less CPU, memory or error.", "quiet"),
        *_legend(),
        box(x_of(1), TOP, RIGHT - x_of(1), end - TOP, "better"),
        *_axis(end),
    ]
    for number, row in enumerate(rows):
        if number % 2 == 0:
            parts.append(box(1, TOP + ROW * number, WIDTH - 2, ROW, "stripe"))
        parts += _row(TOP + ROW * number, row)
    parts.append(text(MARGIN, end + BOTTOM - 16, _small_print(results.facts), "quiet"))
    title = "How many times better trixter is than its peers"
    return document(WIDTH, end + BOTTOM, title, parts)


def charted(results: Results) -> list[Row]:
    """Return the rows: every figure with a bar against a peer, of the measures that were taken."""
    return [
        Row(measure.title, figure, results.measured[measure.title].get(figure.key, {}))
        for measure in MEASURES
        if measure.title in results.measured
        for figure in measure.figures
        if any(bar.against for bar in figure.bars)
    ]


def x_of(times: float) -> float:
    """Return where that ratio is; what is beyond an end of the scale is at that end."""
    position = log2(min(max(times, LEAST_TIMES), MOST_TIMES) / LEAST_TIMES) / log2(MOST_TIMES / LEAST_TIMES)
    return round(LEFT + position * (RIGHT - LEFT), 1)


def times_text(times: float) -> str:
    """Return a ratio with as many digits as matter."""
    if times >= 10:
        return f"{times:,.0f}x"
    return f"{times:.2f}x" if times < 2 else f"{times:.1f}x"


def _legend() -> list[str]:
    parts, x = [], float(LEFT)
    for lane in LANES:
        parts += [lane.mark(x, 84, lane.kind), text(x + 12, 88.5, f"than {lane.peer}", "")]
        parts.append(lane.mark(lane.column - 14, TOP - 13, lane.kind))
        x += 150
    parts += [line(x, 77, x, 91, "bar first"), line(x + 6, 77, x + 6, 91, "bar second")]
    parts.append(text(x + 16, 88.5, "what is asked (hollow: not reached)", ""))
    return parts


def _axis(end: float) -> list[str]:
    parts = []
    first, last = floor(log2(LEAST_TIMES)), floor(log2(MOST_TIMES))
    names = {0: "as good", last: f"{MOST_TIMES}x+"}
    for exponent in range(first, last + 1):
        x = x_of(2.0**exponent)
        parts.append(line(x, TOP, x, end, "grid" if exponent else "even"))
        name = names.get(exponent, f"{2.0**exponent:g}x")
        parts += [text(x, y, name, "quiet middle") for y in (TOP - 8, end + 17)]
    return parts


def _row(y: float, row: Row) -> list[str]:
    parts = [text(LEFT - 24, y + ROW / 2 + 4.5, row.title, "end", quiet_words=row.figure.label)]
    for lane in LANES:
        middle = y + lane.middle
        is_unmet = False
        for bar in row.figure.bars:
            if bar.against == lane.peer:
                is_unmet |= bar.is_met(row.samples) is False
                x = x_of(times_better(row.figure, bar.limit))
                parts.append(line(x, middle - 6.5, x, middle + 6.5, f"bar {lane.kind}"))
        number = "not measured"
        if found := ratios(row.samples, lane.peer):
            ends = [x_of(times_better(row.figure, ratio)) for ratio in (min(found), max(found))]
            times = times_better(row.figure, median(found))
            number = times_text(times)
            parts.append(line(ends[0], middle, ends[1], middle, f"spread {lane.kind}"))
            parts.append(lane.mark(x_of(times), middle, f"{lane.kind}{' unmet' if is_unmet else ''}"))
        parts.append(text(lane.column, y + ROW / 2 + 4.5, number, f"number {lane.kind}"))
    return parts


def _small_print(facts: Facts) -> str:
    names = [OURS, *(lane.peer for lane in LANES)]
    versions = ", ".join(f"{name} {facts.versions[name]}" for name in names if name in facts.versions)
    where = f"{facts.date}, {facts.cores} cores of {facts.cpu}, {facts.python}"
    return f"{where}; {versions}. Marks: medians; lines: the spread."
