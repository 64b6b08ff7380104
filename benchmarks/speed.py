"""Speed: rates and times under load, and their cost in CPU and memory."""

from __future__ import annotations

from benchmarks.bars import Bar, Figure
from benchmarks.measure import NO_WORSE, Measure, against_both
from benchmarks.methods import (
    beside_idle,
    controlled,
    idle_cpu,
    idle_memory,
    journaled,
    logged,
    start_up,
    throughput,
)
from benchmarks.network import UNFELT, Network
from benchmarks.peers import OURS, RELAYS, WITH_FAULTS


def _rate(original: float, toxiproxy: float, unit: str = "messages/s") -> Figure:
    return Figure("rate", unit, more_is_better=True, bars=against_both(original, toxiproxy, at_least=True))


def _cpu_per_gb(original: float, toxiproxy: float) -> Figure:
    return Figure("CPU", "CPU s/GB", bars=against_both(original, toxiproxy), digits=2)


ROUND_TRIPS = (
    _rate(1.2, 1.2),
    Figure("p50", "µs", bars=NO_WORSE),
    Figure("p99", "µs", bars=NO_WORSE),
    Figure("CPU", "CPU s/million"),
)
BULK = (_rate(1.5, 1.5, "MB/s"), _cpu_per_gb(0.5, 0.5))
BULK_WITH_A_FAULT = (_cpu_per_gb(1.0, 1.0), Figure("rate", "MB/s", more_is_better=True))
NEW_CONNECTIONS = (_rate(1.0, 1.0, "connections/s"),)

UNDER_A_FAULT = (_rate(1.0, 1.0), Figure("CPU", "CPU s/million", bars=NO_WORSE))

# Each message meets them, and is smaller than a slice and within the rate.
FELT = {
    "latency of 1 ms": Network(delay_ms=1),
    "a throttle of 1 MB/s": Network(rate_bytes=1_000_000),
    "slices of 512 B": Network(slice_bytes=512),
}

# 20,000 descriptors are what many machines allow a process, and each connection takes two.
MANY, MANY_BESIDE_50 = 9_900, 9_850

# Room for noise: few samples are beyond p99.9; no proxy, which collects nothing, shows how much.
MOST_GROWTH = 1.5

COLLECTED = (
    Figure("alone p99.9", "µs"),
    Figure("beside p99.9", "µs"),
    Figure("growth", "times", bars=(Bar(MOST_GROWTH),), digits=2),
)

# Other traffic goes on meanwhile, but with less of the processor.
MOST_CALL_S = 0.3

CONTROLLED = tuple(
    Figure(key, "CPU s", bars=(Bar(MOST_CALL_S),), digits=3)
    for key in ("first change", "revert", "change", "expiry", "listing")
)

JOURNALED = (
    Figure("share", "of the rate without", more_is_better=True, bars=(Bar(0.95, at_least=True),), digits=3),
)

SPEED = [
    Measure(
        "start-up", start_up, (Figure("start-up", "s", bars=(Bar(0.35),), digits=3),), contestants=RELAYS
    ),
    Measure("64 B there and back, 1 connection", throughput("pingpong"), ROUND_TRIPS),
    Measure("64 B, 50 connections", throughput("pingpong --connections 50"), (_rate(1.0, 1.3),)),
    Measure("64 B, 1,000 connections", throughput("pingpong --connections 1000"), (_rate(1.0, 1.3),)),
    Measure(
        "16 KiB, 50 connections", throughput("pingpong --connections 50 --size 16384"), (_rate(1.3, 1.3),)
    ),
    Measure("bulk, 1 connection", throughput("bulk"), BULK),
    Measure("bulk, 8 connections", throughput("bulk --connections 8"), BULK),
    Measure("new connections, one after another", throughput("connect"), NEW_CONNECTIONS),
    Measure("new connections, 32 at a time", throughput("connect --connections 32"), NEW_CONNECTIONS),
    Measure(
        "new connections, one after another, logged",
        logged(throughput("connect")),
        NEW_CONNECTIONS,
        contestants=WITH_FAULTS,
        is_quick=False,
    ),
    Measure(
        "new connections, 32 at a time, logged",
        logged(throughput("connect --connections 32")),
        NEW_CONNECTIONS,
        contestants=WITH_FAULTS,
    ),
    *(
        Measure(
            f"64 B, 50 connections, under {what}",
            throughput("pingpong --connections 50"),
            UNDER_A_FAULT,
            network=network,
            contestants=WITH_FAULTS,
            is_quick=False,
        )
        for what, network in FELT.items()
    ),
    Measure(
        "every fault set, none felt; 64 B, 50",
        throughput("pingpong --connections 50"),
        (_rate(0.6, 0.8),),
        network=UNFELT,
        contestants=WITH_FAULTS,
    ),
    Measure(
        "bulk under 100 ms of delay both ways",
        throughput("bulk"),
        (_rate(100, 1.0, "MB/s"),),
        network=Network(delay_ms=100),
        contestants=WITH_FAULTS,
        seconds=2.0,
    ),
    Measure(
        "bulk in slices of 1,024 B",
        throughput("bulk"),
        BULK_WITH_A_FAULT,
        network=Network(slice_bytes=1024),
        contestants=WITH_FAULTS,
    ),
    Measure(
        "bulk under a throttle of 10 MB/s",
        throughput("bulk"),
        BULK_WITH_A_FAULT,
        network=Network(rate_bytes=10_000_000),
        contestants=WITH_FAULTS,
    ),
    Measure(
        "every fault set, none felt, with a journal; 64 B, 50",
        journaled("pingpong --connections 50"),
        JOURNALED,
        network=UNFELT,
        contestants=(OURS,),
    ),
    Measure(
        "with a journal; 64 B, 50",
        journaled("pingpong --connections 50"),
        JOURNALED,
        contestants=(OURS,),
        is_quick=False,
    ),
    Measure(
        f"calls about {MANY:,} connections",
        controlled(MANY),
        CONTROLLED,
        contestants=(OURS,),
        repetitions=3,
    ),
    Measure(
        f"{MANY:,} idle connections",
        idle_memory(MANY),
        (Figure("memory", "B each", bars=(*against_both(0.25, 0.1), Bar(4096))),),
        contestants=RELAYS,
        repetitions=3,
        is_quick=False,
    ),
    Measure(
        "1,000 idle connections",
        idle_cpu(1000),
        (Figure("idle CPU", "CPU s/s", bars=(Bar(0.005),), digits=4),),
        contestants=RELAYS,
        seconds=2.0,
        repetitions=3,
    ),
    Measure(
        f"64 B, 50 connections, beside {MANY_BESIDE_50:,} idle ones",
        beside_idle("pingpong --connections 50", MANY_BESIDE_50),
        COLLECTED,
        seconds=3.0,
        repetitions=3,
        is_quick=False,
    ),
]
