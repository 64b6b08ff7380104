"""Hypothesis strategies: every fault there is, and mixtures of them."""

from __future__ import annotations

from hypothesis import strategies as st

from trixter.faults import (
    Corrupt,
    CorruptMode,
    Fault,
    Faults,
    Freeze,
    Latency,
    LoseAnswer,
    LoseRequest,
    Slice,
    Terminate,
    Throttle,
)

spans = st.floats(0, 3)
names = st.sampled_from(["", "second"])

latencies = st.builds(Latency, delay_s=spans, jitter_s=spans, name=names)
throttles = st.builds(Throttle, rate_bytes_per_s=st.sampled_from([1, 7.5, 100, 1e4, 1e9]), name=names)
slices = st.integers(1, 50).flatmap(
    lambda size: st.builds(
        Slice,
        size_bytes=st.just(size),
        variation_bytes=st.integers(0, size - 1),
        gap_s=st.sampled_from([0.0, 0.0, 0.001, 0.5]),
        name=names,
    )
)
probabilities = st.sampled_from([0.01, 0.3, 1.0])
# Not INSERT: at a byte a second, 16 KiB of noise would take the example hours of appointments.
corruptions = st.builds(Corrupt, probability=probabilities, mode=st.just(CorruptMode.FLIP), name=names)
freezes = st.builds(Freeze, is_on=st.just(True), name=names)
terminations = st.builds(Terminate, probability=probabilities, name=names)

HARMLESS: dict[str, st.SearchStrategy[Fault]] = {
    "slice": slices,
    "throttle": throttles,
    "latency": latencies,
    "freeze": freezes,
}
"""They neither change bytes nor end connections; one of them waits to be taken away."""

EVERY: dict[str, st.SearchStrategy[Fault]] = {
    **HARMLESS,
    "corrupt": corruptions,
    "terminate": terminations,
    "lose_request": st.builds(LoseRequest, probability=probabilities, silence=st.booleans(), name=names),
    "lose_answer": st.builds(
        LoseAnswer,
        probability=probabilities,
        answer_bytes=st.integers(0, 50),
        silence=st.booleans(),
        name=names,
    ),
}

harmless_faults = st.lists(st.one_of(*HARMLESS.values()), max_size=5).map(lambda faults: Faults(*faults))
any_faults = st.lists(st.one_of(*EVERY.values()), max_size=5).map(lambda faults: Faults(*faults))

payloads = st.binary(min_size=1, max_size=200)
arrivals = st.lists(st.tuples(spans, payloads), max_size=8)
"""Reads: how long after the one before, and what."""
