"""Terminate: the connection is reset at a random operation."""

from math import inf, nan

import pytest

from tests.faults.flows import Flow
from trixter.errors import SettingError
from trixter.faults import RESET, Abort, Latency, Terminate
from trixter.faults.probabilistic import OPERATION_BYTES


def test_a_certain_one_lets_nothing_through() -> None:
    flow = Flow.under(Terminate(probability=1.0))
    flow.put(b"x" * 100_000)
    assert [d.action for d in flow.departures] == [Abort("terminated")]


def test_a_certain_one_ends_a_connection_as_soon_as_it_is_open() -> None:
    flow = Flow.under(Terminate(probability=1.0))
    flow.chain.open(0.0)
    flow.take()
    assert flow.ended == Abort("terminated")


def test_a_certain_one_lets_no_read_begin() -> None:
    flow = Flow.under(Terminate(probability=1.0))
    flow.chain.begin_read(0.0)
    flow.take()
    assert flow.ended == Abort("terminated")


def test_a_certain_one_strikes_the_end_also_of_a_direction_that_was_silent() -> None:
    flow = Flow.under(Terminate(probability=1e-9))
    flow.chain.open(0.0)
    flow.change(Terminate(probability=1.0))
    assert flow.ended is None
    flow.put_eof()
    assert flow.ended == Abort("terminated")


def test_what_is_an_end_already_is_not_struck() -> None:
    flow = Flow.under(Terminate(probability=1.0))
    flow.put_reset()
    assert flow.ended == RESET


def test_opening_reads_writes_and_the_end_count_alike() -> None:
    """The gap to the strike is the same whatever the operations are."""
    for seed in range(300):
        by_reads = Flow.under(Terminate(probability=0.3), seed=seed)
        reads = 0
        while by_reads.ended is None:
            by_reads.put(b"x")
            reads += 1
        opened = Flow.under(Terminate(probability=0.3), seed=seed)
        opened.chain.open(0.0)
        opened.take()
        for _ in range(reads - 1):
            opened.put(b"x")
        opened.put_eof()
        # n reads are 2 n operations, of which the last or the last but one was struck.
        assert isinstance(opened.ended, Abort)


def test_what_came_before_the_strike_has_left() -> None:
    flow = Flow.under(Terminate(probability=0.2), seed=3)
    while flow.ended is None:
        flow.put(b"x" * OPERATION_BYTES)
    assert flow.ended == Abort("terminated")
    assert len(flow.bytes_out) % OPERATION_BYTES == 0


def test_it_drops_what_is_held_and_nothing_follows() -> None:
    flow = Flow.under(Terminate(probability=0.2), Latency(delay_s=10), seed=3)
    while flow.ended is None:
        flow.put(b"x")
    flow.put(b"more")
    flow.put_eof()
    flow.change()
    flow.run_dry()
    assert [d.action for d in flow.departures] == [Abort("terminated")]
    assert flow.chain.held_bytes == 0
    assert flow.chain.wake_at() is None


def test_it_strikes_with_the_probability_asked_for() -> None:
    survived = []
    for seed in range(2000):
        flow = Flow.under(Terminate(probability=0.1), seed=seed)
        messages = 0
        while flow.ended is None:
            flow.put(b"x")
            messages += 1
        survived.append(messages)
    # A message is two operations. Mean 1/p within 4 standard errors; the seeds are fixed.
    p = 1 - 0.9**2
    assert sum(survived) / len(survived) == pytest.approx(1 / p, abs=4 * (1 - p) ** 0.5 / p / 2000**0.5)


@pytest.mark.parametrize("value", [-0.1, 1.5, nan, inf, "0.5", None, True])
def test_a_bad_probability_is_refused(value: object) -> None:
    with pytest.raises(SettingError) as caught:
        Terminate(probability=value)  # type: ignore[arg-type]
    assert caught.value.name == "probability"
    assert caught.value.value is value


def test_a_read_that_is_not_struck_begins() -> None:
    flow = Flow.under(Terminate(probability=1e-9), Terminate(probability=1.0, name="second"))
    flow.chain.begin_read(0.0)
    flow.take()
    assert flow.ended == Abort("terminated")
