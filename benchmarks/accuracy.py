"""Accuracy of the faults: the error of latency and rate, also while the API is polled."""

from __future__ import annotations

from benchmarks.bars import Bar, Figure
from benchmarks.measure import NO_WORSE, Measure
from benchmarks.methods import added_latency, throttled
from benchmarks.network import Network
from benchmarks.peers import OURS, WITH_FAULTS

# While the API is polled, these are open for it to list.
IDLE = 1_000

# One message each 60 ms: a hundred trips of one connection, the fewest that have a p99.
SECONDS_OF_LATENCY = 6.0
SECONDS_OF_THROTTLE = 5.0
REPETITIONS = 3

RATES_BYTES = {
    "10 KB/s": 10_000,
    "100 KB/s": 100_000,
    "1 MB/s": 1_000_000,
    "10 MB/s": 10_000_000,
    "100 MB/s": 100_000_000,
}


def _latency(connections: int, p50_ms: float, p99_ms: float, *, is_polled: bool) -> Measure:
    """Return the measure of an added 50 ms; while polled, of ours alone, under the same bar."""
    latency = Network(delay_ms=50)
    noun = "connection" if connections == 1 else "connections"
    better = () if is_polled else NO_WORSE
    return Measure(
        f"latency of 50 ms, {connections} {noun}{_polled(is_polled)}",
        added_latency(connections, idle=IDLE if is_polled else 0, is_polled=is_polled),
        (
            Figure("p50 error", "ms", bars=(Bar(p50_ms), *better), digits=3),
            Figure("p99 error", "ms", bars=(Bar(p99_ms), *better), digits=3),
            Figure("least", "ms", bars=(Bar(latency.delay_ms, at_least=True, of_each=True),), digits=3),
        ),
        network=latency,
        contestants=(OURS,) if is_polled else WITH_FAULTS,
        seconds=SECONDS_OF_LATENCY,
        repetitions=REPETITIONS,
    )


def _throttle(rate: str, *, is_polled: bool) -> Measure:
    return Measure(
        f"throttle of {rate}{_polled(is_polled)}",
        throttled(idle=IDLE if is_polled else 0, is_polled=is_polled),
        (Figure("error", "%", bars=(Bar(1.0),), digits=3),),
        network=Network(rate_bytes=RATES_BYTES[rate]),
        contestants=(OURS,) if is_polled else WITH_FAULTS,
        seconds=SECONDS_OF_THROTTLE,
        repetitions=REPETITIONS,
        is_quick=rate == "1 MB/s",
    )


def _polled(is_polled: bool) -> str:
    return f", polled beside {IDLE:,} idle" if is_polled else ""


ACCURACY = [
    measure
    for is_polled in (False, True)
    for measure in (
        _latency(1, 0.15, 0.6, is_polled=is_polled),
        _latency(100, 0.3, 1.5, is_polled=is_polled),
        *(_throttle(rate, is_polled=is_polled) for rate in RATES_BYTES),
    )
]
