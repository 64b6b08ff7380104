"""Bars: the limits that figures have to keep, and the verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from benchmarks.peers import OURS

Samples = dict[str, list[float | None]]
"""The samples of one figure: peer → one for each repetition; None where that run failed."""


@dataclass(frozen=True)
class Bar:
    """A limit for one figure of ours.

    Args:
        limit: The number to reach, or not to exceed; inclusive.
        at_least: Whether the limit is a minimum, and not a maximum.
        against: A peer's name: the limit is for the ratio of ours to that peer's. None: for ours itself.
        of_each: Whether every repetition has to keep the limit, and not just the median.
    """

    limit: float
    at_least: bool = False
    against: str | None = None
    of_each: bool = False

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"

    def value(self, samples: Samples) -> float | None:
        """Return the number that is compared with the limit; None if it was not measured."""
        values = present(samples, OURS) if self.against is None else ratios(samples, self.against)
        if not values:
            return None
        if not self.of_each:
            return median(values)
        return min(values) if self.at_least else max(values)

    def is_met(self, samples: Samples) -> bool | None:
        """Return whether the limit is kept; None if it was not measured."""
        value = self.value(samples)
        if value is None:
            return None
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Figure:
    """One number of a measure.

    Args:
        key: What the `Method` that measures it calls it.
        unit: For the table.
        more_is_better: Whether it is a speed, and not a cost.
        bars: Its limits.
        digits: How many digits after the point the table shows.
    """

    key: str
    unit: str
    more_is_better: bool = False
    bars: tuple[Bar, ...] = ()
    digits: int = 0

    @property
    def label(self) -> str:
        """The short label: a speed is best known by its unit."""
        return self.unit if self.key == "rate" else self.key


def present(samples: Samples, peer: str) -> list[float]:
    """Return a peer's samples, without failed ones."""
    return [value for value in samples.get(peer, []) if value is not None]


def ratios(samples: Samples, peer: str) -> list[float]:
    """Return ours divided by the peer's for each repetition, in which the machine was the same for both."""
    pairs = zip(samples.get(OURS, []), samples.get(peer, []), strict=False)
    return [ours / theirs for ours, theirs in pairs if ours is not None and theirs]


def times_better(figure: Figure, ratio: float) -> float:
    """Return a ratio turned so that more is better, for a speed and for a cost."""
    if figure.more_is_better:
        return ratio
    return 1 / ratio if ratio else float("inf")


def verdict(is_met: bool | None) -> str:
    """Return a verdict as text."""
    return {True: "met", False: "NOT met", None: "not measured"}[is_met]
