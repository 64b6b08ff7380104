"""What one measure is."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.bars import Bar, Figure
from benchmarks.methods import Method
from benchmarks.network import CALM, Network
from benchmarks.peers import CONTESTANTS, ORIGINAL, TOXIPROXY


@dataclass(frozen=True)
class Measure:
    """One way of measuring, and the figures read off.

    Args:
        title: For people, and for ``--only``.
        way: How it is measured.
        figures: What is read off.
        network: How bad the network is meanwhile.
        who: Who takes part, of those that are installed.
        seconds: How long one run is.
        repetitions: How often everyone takes a trial.
        is_quick: Whether the run of a minute has it, too.
    """

    title: str
    method: Method
    figures: tuple[Figure, ...]
    network: Network = CALM
    who: tuple[str, ...] = CONTESTANTS
    seconds: float = 1.0
    repetitions: int = 5
    is_quick: bool = True


def against_both(original: float, toxiproxy: float, *, at_least: bool = False) -> tuple[Bar, ...]:
    """Return a bar on the ratio to each of the two peers."""
    return (Bar(original, at_least, ORIGINAL), Bar(toxiproxy, at_least, TOXIPROXY))


NO_WORSE = against_both(1.0, 1.0)
"""For a cost: not more than theirs."""
