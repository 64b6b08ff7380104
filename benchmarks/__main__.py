"""Run the benchmark: ``python -m benchmarks [--quick]``."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from benchmarks.measures import MEASURES, Measure
from benchmarks.peers import HERE, Peer, all_peers
from benchmarks.process import ended, free_ports
from benchmarks.report import chart, write_table

Samples = dict[str, list[float]]
"""The values of one figure: peer → one for each repetition."""

RESULTS = HERE / "results.json"
CHART = HERE / "chart.svg"


def main() -> int:
    options = _options()
    peers = [peer for peer in all_peers() if peer.is_installed()]
    absent = [peer.name for peer in all_peers() if not peer.is_installed()]
    if absent:
        print(f"left out, not installed (make bench-peers): {', '.join(absent)}")
    load = build_load()
    measures = [m for m in MEASURES if m.is_quick or not options.quick]
    results: dict[str, dict[str, Samples]] = {}
    for measure in measures:
        if options.only and options.only not in measure.title:
            continue
        results[measure.title] = _measure(measure, peers, load, options.repeat, options.seconds)
        write_table(measure, results[measure.title])
    if not options.quick and not options.only:
        facts = {"machine": f"{platform.processor() or platform.machine()}, {platform.release()}"}
        RESULTS.write_text(json.dumps({"facts": facts, "results": results}, indent=1) + "\n")
        CHART.write_text(chart(results))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about a minute; writes no results")
    parser.add_argument("--only", default="", help="measures whose title has this in it; writes no results")
    parser.add_argument("--repeat", type=int, help="interleaved repetitions of each")
    parser.add_argument("--seconds", type=float, help="length of one of them")
    options = parser.parse_args()
    options.repeat = options.repeat or (1 if options.quick else 7)
    options.seconds = options.seconds or (0.4 if options.quick else 1.5)
    return options


def build_load() -> Path:
    """Compile the load generator, if it is older than its source."""
    source, program = HERE / "load.c", HERE / "build" / "load"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        program.parent.mkdir(exist_ok=True)
        subprocess.run(["cc", "-O2", "-Wall", "-o", str(program), str(source)], check=True)
    return program


def _measure(
    measure: Measure, peers: list[Peer], load: Path, repetitions: int, seconds: float
) -> dict[str, Samples]:
    """Return figure → peer → values. All peers take their turn in each repetition: machines drift."""
    figures: dict[str, Samples] = {figure.key: defaultdict(list) for figure in measure.figures}
    for _ in range(repetitions):
        for peer in peers:
            if not peer.can(measure.network):
                continue
            try:
                values = _sample(measure, peer, load, seconds)
            except (RuntimeError, subprocess.SubprocessError) as exc:
                print(f"  {peer.name}: {exc}", file=sys.stderr)
                continue
            for key, samples in figures.items():
                if key in values:
                    samples[peer.name].append(values[key])
    return figures


def _sample(measure: Measure, peer: Peer, load: Path, seconds: float) -> dict[str, float]:
    """Start the peer, load it once, and return the figures."""
    (upstream,) = free_ports(1)
    port, program = peer.start(upstream, measure.network)
    with ended(program):
        before_s = program.cpu_s() if program else 0.0
        before_bytes = program.resident_bytes() if program else 0
        words = [*measure.load.split(), "--connect", str(port), "--upstream", str(upstream)]
        is_idle = words[0] == "idle"
        run = subprocess.Popen(
            [str(load), *words, "--seconds", str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert run.stdout is not None
        line = run.stdout.readline()
        held_bytes = program.resident_bytes() - before_bytes if program else 0
        cpu_s = program.cpu_s() - before_s if program else 0.0
        errors = run.communicate(timeout=30)[1]
        if not line:
            raise RuntimeError(errors.strip() or "the load generator printed nothing")
    got = json.loads(line)
    if is_idle:
        return {"memory": held_bytes / got["idle"]} if program else {}
    items = got["count"] / 1e6 or got["bytes"] / 1e9
    values = {"rate": (got["count"] or got["bytes"] / 1e6) / got["seconds"]}
    values |= {key: got[f"{key}_us"] for key in ("p50", "p99", "p999")}
    if program and items:
        values["cpu"] = cpu_s / items
    return values


if __name__ == "__main__":
    sys.exit(main())
