"""Random streams: faults, directions and connections do not disturb one another's draws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.flows import Flow
from tests.faults.mixtures import harmless_faults
from trixter.faults import Corrupt, CorruptMode, Fault, Faults, Latency, Slice, Terminate, Throttle

sizes = st.lists(st.integers(1, 300), min_size=1, max_size=20)
flips = Corrupt(probability=0.3, mode=CorruptMode.FLIP)
deadly = Terminate(probability=0.2)


def struck_at(seed: int, sizes: list[int], *faults: Fault) -> int | None:
    """Return the number of the read that ended the connection."""
    flow = Flow.under(*faults, seed=seed)
    for number, size in enumerate(sizes):
        flow.put(b"x" * size)
        if flow.ended is not None:
            return number
    return None


@given(st.integers(0, 1000), sizes, harmless_faults)
def test_whatever_else_is_on_the_same_bytes_are_spoilt_alike(
    seed: int, sizes: list[int], others: Faults
) -> None:
    alone, together = Flow.under(flips, seed=seed), Flow.under(flips, *others, seed=seed)
    for size in sizes:
        alone.put(b"x" * size)
        together.put(b"x" * size)
    together.run_dry()
    assert together.bytes_out == alone.bytes_out


@given(st.integers(0, 1000), sizes, harmless_faults)
def test_whatever_else_is_on_the_same_operation_ends_the_connection(
    seed: int, sizes: list[int], others: Faults
) -> None:
    assert struck_at(seed, sizes, deadly, flips, *others) == struck_at(seed, sizes, deadly)


@pytest.mark.parametrize(
    "other",
    [
        Corrupt(probability=0.5, mode=CorruptMode.FLIP),
        Terminate(probability=1e-9),
        Slice(size_bytes=100, variation_bytes=50),
        Throttle(rate_bytes_per_s=1e9),
        Latency(jitter_s=1e-300, name="other"),
    ],
)
def test_jitter_is_the_same_whatever_else_is_on(other: Fault) -> None:
    def departures(*faults: Fault) -> list[float]:
        flow = Flow.under(Latency(delay_s=1, jitter_s=1), *faults)
        for _ in range(100):
            flow.put(b"x")
            flow.wait_until(flow.now + 5.0)
        return [departure.at for departure in flow.departures]

    assert departures(other) == departures()


def test_a_fault_that_was_away_goes_on_where_its_luck_was() -> None:
    jitter = Latency(delay_s=1, jitter_s=1)

    def departures(*in_between: Fault) -> list[float]:
        flow = Flow.under(jitter)
        for _ in range(10):
            flow.put(b"x")
            flow.wait_until(flow.now + 5.0)
            flow.change(*in_between)
            flow.change(jitter)
        return [departure.at for departure in flow.departures]

    assert departures() == departures(jitter)


def test_stacked_faults_have_luck_of_their_own() -> None:
    jitter = Latency(delay_s=1, jitter_s=1)
    flow = Flow.under(jitter, jitter)
    flow.put(b"x")
    flow.run_dry()
    once = Flow.under(jitter)
    once.put(b"x")
    once.run_dry()
    assert flow.now != 2 * once.now
