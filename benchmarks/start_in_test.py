"""The time that a proxy beside a test takes to start and to close: ``python -m benchmarks.start_in_test``."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

ROUNDS = 200

# The bar on starting one, after the first (median).
BAR_S = 0.010


def main() -> int:
    before = time.perf_counter()
    from trixter.testing import Chaos, ChaosProxy

    proxy = ChaosProxy("127.0.0.1:1").start()
    print(f"the first one, with what it imports: {1000 * (time.perf_counter() - before):6.2f} ms")
    proxy.close()

    alone = [ChaosProxy("127.0.0.1:1") for _ in range(ROUNDS)]
    slowest_s = show("start, with a thread of its own", [proxy.start for proxy in alone])
    show("close", [proxy.close for proxy in alone])
    with Chaos() as chaos:
        chaos.proxy("127.0.0.1:1")
        another: list[Callable[[], object]] = [lambda: chaos.proxy("127.0.0.1:1")] * ROUNDS
        slowest_s = max(slowest_s, show("start, in the thread of others", another))
    return 0 if slowest_s <= BAR_S else 1


def show(what: str, calls: list[Callable[[], object]]) -> float:
    """Make calls; print how long they took, and return the median."""
    took_s = []
    for call in calls:
        before = time.perf_counter()
        call()
        took_s.append(time.perf_counter() - before)
    median_s, p99_s = statistics.median(took_s), statistics.quantiles(took_s, n=100)[98]
    print(f"{what}: {1000 * median_s:.2f} ms (median), {1000 * p99_s:.2f} ms (p99)")
    return median_s


if __name__ == "__main__":
    raise SystemExit(main())
