"""What is asked of a number, and whether it is met."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from benchmarks.peers import OURS

Samples = dict[str, list[float | None]]
"""The samples of one figure: peer → one for each repetition; None where that run failed."""


@dataclass(frozen=True)
class Bar:
    """What is asked of one figure of ours.

    Args:
        limit: The number to reach or not to pass, itself included.
        at_least: Whether it is the smallest that will do, and not the largest.
        against: A peer's name: the number is ours divided by that peer's. None: it is ours itself.
        of_each: Whether every repetition has to meet it, and not just the median.
    """

    limit: float
    at_least: bool = False
    against: str | None = None
    of_each: bool = False

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"

    def value(self, samples: Samples) -> float | None:
        """Return the number it is asked of; None if it was not measured."""
        values = present(samples, OURS) if self.against is None else ratios(samples, self.against)
        if not values:
            return None
        if not self.of_each:
            return median(values)
        return min(values) if self.at_least else max(values)

    def is_met(self, samples: Samples) -> bool | None:
        """Say whether it is; None if that was not measured."""
        value = self.value(samples)
        if value is None:
            return None
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Figure:
    """One number of a measure.

    Args:
        key: What the `Method` that measures it calls it.
        unit: For people.
        more_is_better: Whether it is a speed, and not a cost.
        bars: What is asked of it.
        digits: How many after the point are worth reading.
    """

    key: str
    unit: str
    more_is_better: bool = False
    bars: tuple[Bar, ...] = ()
    digits: int = 0

    @property
    def label(self) -> str:
        """What to call it where there is no room for both: a speed is best known by its unit."""
        return self.unit if self.key == "rate" else self.key


def present(samples: Samples, peer: str) -> list[float]:
    """Return what was measured of that peer, without what failed."""
    return [value for value in samples.get(peer, []) if value is not None]


def ratios(samples: Samples, peer: str) -> list[float]:
    """Return ours divided by the peer's, repetition by repetition: both met the machine as it was then."""
    pairs = zip(samples.get(OURS, []), samples.get(peer, []), strict=False)
    return [ours / theirs for ours, theirs in pairs if ours is not None and theirs]


def times_better(figure: Figure, ratio: float) -> float:
    """Return a ratio so that more is better, whether the figure is a speed or a cost."""
    if figure.more_is_better:
        return ratio
    return 1 / ratio if ratio else float("inf")


def verdict(is_met: bool | None) -> str:
    """Say it in a word or two."""
    return {True: "met", False: "NOT met", None: "not measured"}[is_met]
