"""The rounds of a measure: one trial of each contestant, and again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from subprocess import SubprocessError

from benchmarks.measure import Measure
from benchmarks.methods import Trial, Values
from benchmarks.peers import Peer
from benchmarks.process import Failed
from benchmarks.results import Figures


def run_rounds(
    measure: Measure, peers: Sequence[Peer], repetitions: int, seconds: float, *, is_quick: bool = False
) -> Figures:
    """Return the figures, one sample for each repetition and peer.

    Each repetition has a trial of every peer, because machines drift; another peer begins each time, because
    a trial finds the machine as the one before has left it.
    """
    taking_part = [peer for peer in peers if peer.name in measure.contestants]
    figures: Figures = {figure.key: {peer.name: [] for peer in taking_part} for figure in measure.figures}
    for repetition in range(repetitions):
        first = repetition % len(taking_part)
        for peer in taking_part[first:] + taking_part[:first]:
            values = _values(measure, Trial(peer, measure.network, seconds, is_quick))
            for key in values or [figure.key for figure in measure.figures]:
                samples = figures.setdefault(key, {}).setdefault(peer.name, [])
                samples.append(values.get(key))
    return figures


def _values(measure: Measure, trial: Trial) -> Values:
    """Return the numbers of a trial; none, after printing the reason, if it failed."""
    try:
        return measure.method(trial)
    except (Failed, OSError, SubprocessError) as exc:
        print(f"{measure.title}: {trial.peer.name} failed: {exc}", file=sys.stderr)
        return {}
