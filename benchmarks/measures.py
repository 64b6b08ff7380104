"""What is measured: a list to read."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.peers import CALM, UNFELT, Network

ORIGINAL, TOXIPROXY = "Rust original", "Toxiproxy"


@dataclass(frozen=True)
class Bar:
    """What is asked of the ratio of ours to a peer's figure."""

    against: str
    ratio: float
    at_least: bool = True


@dataclass(frozen=True)
class Figure:
    """One number read off a run.

    Args:
        key: What it is called in ``results.json``.
        unit: For people.
        more_is_better: Whether it is a speed or a cost.
        bars: What is asked of it.
    """

    key: str
    unit: str
    more_is_better: bool
    bars: tuple[Bar, ...] = ()


@dataclass(frozen=True)
class Measure:
    """One way of loading a relay.

    Args:
        title: For people.
        load: Arguments of the load generator.
        figures: What is read off.
        network: How bad the network is meanwhile.
        is_quick: Whether the run of a minute has it, too.
    """

    title: str
    load: str
    figures: tuple[Figure, ...]
    network: Network = field(default=CALM)
    is_quick: bool = True


def _rate(original: float, toxiproxy: float, unit: str = "messages/s") -> Figure:
    return Figure("rate", unit, True, (Bar(ORIGINAL, original), Bar(TOXIPROXY, toxiproxy)))


def _cpu(original: float, toxiproxy: float, unit: str = "CPU s/GB") -> Figure:
    bars = (Bar(ORIGINAL, original, at_least=False), Bar(TOXIPROXY, toxiproxy, at_least=False))
    return Figure("cpu", unit, False, bars)


NO_SLOWER = (Bar(ORIGINAL, 1.0, at_least=False), Bar(TOXIPROXY, 1.0, at_least=False))

MEASURES = [
    Measure(
        "64 B there and back, 1 connection",
        "pingpong",
        (
            _rate(1.2, 1.2),
            Figure("p50", "µs", False, NO_SLOWER),
            Figure("p99", "µs", False, NO_SLOWER),
            Figure("cpu", "CPU s/million", False),
        ),
    ),
    Measure("64 B, 50 connections", "pingpong --connections 50", (_rate(1.0, 1.3),)),
    Measure("64 B, 1,000 connections", "pingpong --connections 1000", (_rate(1.0, 1.3),)),
    Measure("16 KiB, 50 connections", "pingpong --connections 50 --size 16384", (_rate(1.3, 1.3),)),
    Measure("bulk, 1 connection", "bulk", (_rate(1.5, 1.5, "MB/s"), _cpu(0.5, 0.5))),
    Measure("bulk, 8 connections", "bulk --connections 8", (_rate(1.5, 1.5, "MB/s"), _cpu(0.5, 0.5))),
    Measure("new connections, one after another", "connect", (_rate(1.0, 1.0, "connections/s"),)),
    Measure("new connections, 32 at a time", "connect --connections 32", (_rate(1.0, 1.0, "connections/s"),)),
    # 20,000 descriptors are what this kind of machine allows a process; each connection takes two.
    Measure(
        "9,900 idle connections",
        "idle --idle 9900",
        (Figure("memory", "B each", False, (Bar(ORIGINAL, 0.25, False), Bar(TOXIPROXY, 0.1, False))),),
        is_quick=False,
    ),
    Measure(
        "bulk under 100 ms of delay both ways", "bulk", (_rate(100, 1.0, "MB/s"),), Network(delay_ms=100)
    ),
    Measure(
        "bulk in slices of 1,024 B", "bulk", (_cpu(1.0, 1.0), _rate(0, 0, "MB/s")), Network(slice_bytes=1024)
    ),
    Measure(
        "bulk under a throttle of 10 MB/s",
        "bulk",
        (_cpu(1.0, 1.0), _rate(0, 0, "MB/s")),
        Network(rate_bytes=10_000_000),
    ),
    Measure("every fault set, none felt; 64 B, 50", "pingpong --connections 50", (_rate(0.6, 0.8),), UNFELT),
]
