"""A measure: a method, the figures read from it, and its contestants."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.bars import Bar, Figure
from benchmarks.methods import Method
from benchmarks.network import NO_FAULTS, Network
from benchmarks.peers import CONTESTANTS, ORIGINAL, TOXIPROXY


@dataclass(frozen=True)
class Measure:
    """A method under one network, and the figures read from it.

    Args:
        title: Its name in the table, and for ``--only``.
        method: The method.
        figures: The figures.
        network: The faults meanwhile.
        contestants: Their names; those that are not installed are left out.
        seconds: The length of one trial.
        repetitions: The number of trials of each contestant.
        is_quick: Whether a quick run has it, too.
    """

    title: str
    method: Method
    figures: tuple[Figure, ...]
    network: Network = NO_FAULTS
    contestants: tuple[str, ...] = CONTESTANTS
    seconds: float = 1.0
    repetitions: int = 5
    is_quick: bool = True


def against_both(original: float, toxiproxy: float, *, at_least: bool = False) -> tuple[Bar, ...]:
    """Return bars on the ratios to the original and to Toxiproxy."""
    return (Bar(original, at_least, ORIGINAL), Bar(toxiproxy, at_least, TOXIPROXY))


NO_WORSE = against_both(1.0, 1.0)
"""Of a cost: at most that of each peer."""
