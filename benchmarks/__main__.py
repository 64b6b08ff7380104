"""Run the benchmark: ``python -m benchmarks [--quick] [--against DIR]``. See README.md in this folder."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.chart import chart
from benchmarks.contestants import contestants
from benchmarks.generator import compiled
from benchmarks.machine import allow_all_descriptors, facts
from benchmarks.measures import MEASURES
from benchmarks.peers import CONTESTANTS, OURS, Peer
from benchmarks.process import Failed
from benchmarks.results import CHART, RESULTS, Figures, Results, load_results
from benchmarks.rounds import run_rounds
from benchmarks.source_tree import trees_against, without_bars
from benchmarks.table import block, heading, one_sided, unmet, whole

QUICK_SECONDS = 0.15


def main() -> int:
    options = _options()
    # An exception, and not an end at once: the programs that we started are ended on the way out.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        return _redraw() if options.report else _measure(options)
    except Failed as exc:
        print(f"benchmarks: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="trixter beside its peers.")
    parser.add_argument("--quick", action="store_true", help="about a minute, no verdicts; writes no results")
    parser.add_argument(
        "--only", default="", metavar="WORDS", help="measures with this in the title; writes no results"
    )
    parser.add_argument("--repeat", type=int, metavar="N", help="repetitions of each measure")
    parser.add_argument("--seconds", type=float, metavar="S", help="length of one run")
    reference = parser.add_mutually_exclusive_group()
    reference.add_argument(
        "--against",
        type=Path,
        metavar="DIR",
        help="another checkout or an unpacked wheel of trixter, in place of the peers; writes no results",
    )
    reference.add_argument(
        "--report", action="store_true", help="print the table and draw the chart of results.json"
    )
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> int:
    measures = [m for m in MEASURES if options.only in m.title and (m.is_quick or not options.quick)]
    if not measures:
        raise Failed(f"no measure has {options.only!r} in its title")
    peers: Sequence[Peer] = trees_against(options.against) if options.against else contestants()
    columns: tuple[str, ...] = CONTESTANTS
    if options.against:
        columns = tuple(peer.name for peer in peers)
        measures = [without_bars(measure, columns) for measure in measures]
    compiled()
    allow_all_descriptors()
    versions = {peer.name: peer.version() for peer in peers}
    peers = [peer for peer in peers if versions[peer.name] is not None]
    if options.against and len(peers) < len(columns):
        raise Failed(f"trixter does not start from {options.against}, or not from here")
    results = Results(
        facts=facts({name: version for name, version in versions.items() if version is not None}),
        seconds={},
        repetitions={},
        measured={},
    )
    print(heading(results.facts, columns), flush=True)
    for measure in measures:
        repetitions = options.repeat or (1 if options.quick else measure.repetitions)
        seconds = options.seconds or (QUICK_SECONDS if options.quick else measure.seconds)
        figures = run_rounds(measure, peers, repetitions, seconds, is_quick=options.quick)
        results.repetitions[measure.title], results.seconds[measure.title] = repetitions, seconds
        results.measured[measure.title] = figures
        print(block(measure, figures, has_verdicts=not options.quick, columns=columns), flush=True)
    if options.against:
        print(one_sided(measures, results, columns[-1]))
    elif not options.quick:
        print(unmet(results))
    if not (options.quick or options.only or options.against):
        results.save(RESULTS)
        CHART.write_text(chart(results))
    return 0 if all(_ours_ran(figures) for figures in results.measured.values()) else 1


def _redraw() -> int:
    """Print the table and draw the chart of the last full run."""
    if not RESULTS.exists():
        raise Failed(f"there is no {RESULTS.name} yet: `make bench` writes it")
    results = load_results(RESULTS)
    print(whole(results))
    CHART.write_text(chart(results))
    return 0


def _ours_ran(figures: Figures) -> bool:
    return all(samples.get(OURS) and None not in samples[OURS] for samples in figures.values())


if __name__ == "__main__":
    sys.exit(main())
