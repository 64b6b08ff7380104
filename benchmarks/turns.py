"""One measure: everybody takes a turn, and again."""

from __future__ import annotations

import sys
from subprocess import SubprocessError

from benchmarks.measure import Measure
from benchmarks.peers import Peer
from benchmarks.process import Failed
from benchmarks.results import Figures
from benchmarks.ways import Turn, Values


def measured(
    measure: Measure, peers: list[Peer], repetitions: int, seconds: float, *, is_taste: bool = False
) -> Figures:
    """Return the figures, one sample for each repetition and peer.

    All peers take their turn in each repetition, because machines drift; another one begins each time,
    because whoever comes next finds the machine as the last one left it.
    """
    taking_part = [peer for peer in peers if peer.name in measure.who]
    figures: Figures = {figure.key: {peer.name: [] for peer in taking_part} for figure in measure.figures}
    for repetition in range(repetitions):
        first = repetition % len(taking_part)
        for peer in taking_part[first:] + taking_part[:first]:
            values = _values(measure, Turn(peer, measure.network, seconds, is_taste))
            for key in values or [figure.key for figure in measure.figures]:
                samples = figures.setdefault(key, {}).setdefault(peer.name, [])
                samples.append(values.get(key))
    return figures


def _values(measure: Measure, turn: Turn) -> Values:
    """Return what was measured; nothing, and say why, if it failed."""
    try:
        return measure.way(turn)
    except (Failed, OSError, SubprocessError) as exc:
        print(f"{measure.title}: {turn.peer.name} failed: {exc}", file=sys.stderr)
        return {}
