"""Terminate: the connection is reset, by chance."""

from math import inf, nan

import pytest

from tests.faults.flows import Flow
from trixter.errors import SettingError
from trixter.faults import Abort, Latency, Terminate
from trixter.faults.operations import OPERATION_BYTES


def test_a_certain_one_lets_nothing_through() -> None:
    flow = Flow.under(Terminate(probability=1.0))
    flow.put(b"x" * 100_000)
    assert [d.action for d in flow.departures] == [Abort("terminated")]


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
        operations = 0
        while flow.ended is None:
            flow.put(b"x")
            operations += 1
        survived.append(operations)
    # Mean 1/p within 4 standard errors; the seeds are fixed.
    assert sum(survived) / len(survived) == pytest.approx(10, abs=4 * 0.9**0.5 / 0.1 / 2000**0.5)


@pytest.mark.parametrize("value", [-0.1, 1.5, nan, inf, "0.5", None, True])
def test_a_bad_probability_is_refused(value: object) -> None:
    with pytest.raises(SettingError) as caught:
        Terminate(probability=value)  # type: ignore[arg-type]
    assert caught.value.name == "probability"
    assert caught.value.value is value
