"""Latency: every byte leaves a while after it arrived."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.flows import Flow
from trixter.errors import SettingError
from trixter.faults import EOF, Freeze, Latency, Slice
from trixter.faults.fault import PIECE_OVERHEAD_BYTES


def test_bytes_leave_exactly_the_delay_after_they_arrived() -> None:
    flow = Flow.under(Latency(delay_s=0.25), now=10.0)
    flow.put(b"ping")
    flow.wait_until(20.0)
    assert [(d.at, d.action) for d in flow.departures] == [(10.25, b"ping")]


def test_it_is_pipelined_so_it_does_not_cap_the_rate() -> None:
    flow = Flow.under(Latency(delay_s=1.0))
    for _ in range(100):
        flow.put(b"x" * 1000)
        flow.wait_until(flow.now + 0.01)
    flow.run_dry()
    assert [round(d.at, 9) for d in flow.departures] == [round(1 + n * 0.01, 9) for n in range(100)]


def test_eof_is_delayed_alike() -> None:
    flow = Flow.under(Latency(delay_s=2.0))
    flow.put(b"bye")
    flow.wait_until(1.0)
    flow.put_eof()
    flow.run_dry()
    assert [(d.at, d.action) for d in flow.departures] == [(2.0, b"bye"), (3.0, EOF)]


def test_two_latencies_add_up_however_late_somebody_asks() -> None:
    flow = Flow.under(Latency(delay_s=1.0), Latency(delay_s=0.5))
    flow.put(b"x")
    assert not flow.chain.take(1.4)
    assert flow.chain.wake_at() == 1.5
    assert flow.chain.take(1.5) == [b"x"]


def test_lowering_the_delay_releases_what_is_now_due_and_only_that() -> None:
    flow = Flow.under(Latency(delay_s=10.0))
    flow.put(b"old")
    flow.wait_until(3.0)
    flow.put(b"new")
    flow.wait_until(4.0)
    flow.change(Latency(delay_s=2.0))
    assert flow.pieces == [b"old"]
    flow.run_dry()
    assert [d.at for d in flow.departures] == [4.0, 5.0]


def test_raising_the_delay_holds_what_was_held_for_longer() -> None:
    flow = Flow.under(Latency(delay_s=1.0))
    flow.put(b"x")
    flow.change(Latency(delay_s=5.0))
    flow.run_dry()
    assert [d.at for d in flow.departures] == [5.0]


def test_removing_the_delay_releases_everything_at_once() -> None:
    flow = Flow.under(Latency(delay_s=10.0))
    flow.put(b"a")
    flow.put(b"b")
    flow.put_eof()
    flow.change()
    assert [(d.at, d.action) for d in flow.departures] == [(0.0, b"a"), (0.0, b"b"), (0.0, EOF)]


def test_jitter_is_uniform_around_the_delay() -> None:
    flow = Flow.under(Latency(delay_s=1.0, jitter_s=0.5), seed=4)
    waits = []
    for _ in range(4000):
        flow.put(b"x")
        arrived = flow.now
        flow.run_dry()
        waits.append(flow.departures[-1].at - arrived)
        flow.now += 10  # far enough apart that none holds another up
    assert min(waits) == pytest.approx(0.5, abs=0.001)
    assert max(waits) == pytest.approx(1.5, abs=0.001)
    # The mean of n draws from a span of 1 s is within 4 / sqrt(12 n) of its middle; the seed is fixed.
    assert sum(waits) / len(waits) == pytest.approx(1.0, abs=4 / (12 * len(waits)) ** 0.5)


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=20),
    st.floats(0, 2),
    st.floats(0, 4),
    st.integers(0, 1000),
)
def test_jitter_never_reorders_and_never_is_early(
    gaps: list[float], delay_s: float, jitter_s: float, seed: int
) -> None:
    flow = Flow.under(Latency(delay_s=delay_s, jitter_s=jitter_s), seed=seed)
    arrivals = []
    for number, gap in enumerate(gaps):
        flow.wait_until(flow.now + gap)
        arrivals.append(flow.now)
        flow.put(bytes([number]))
    flow.run_dry()
    assert flow.bytes_out == bytes(range(len(gaps)))
    for arrived, departure in zip(arrivals, flow.departures, strict=True):
        assert departure.at >= arrived + max(delay_s - jitter_s, 0) - 1e-9


def test_the_clock_may_have_run_for_a_year() -> None:
    flow = Flow.under(Latency(delay_s=0.001), now=3e7)
    flow.put(b"x")
    flow.run_dry()
    assert flow.departures[0].at == 3e7 + 0.001


@pytest.mark.parametrize("name", ["delay_s", "jitter_s"])
@pytest.mark.parametrize("value", [-1, nan, inf, -inf, 10**400, "1", None, True])
def test_a_bad_setting_is_refused_with_its_name_and_value(name: str, value: object) -> None:
    with pytest.raises(SettingError) as caught:
        Latency(**{name: value})  # type: ignore[arg-type]
    assert caught.value.name == name
    assert caught.value.value is value


def test_it_is_off_when_there_is_neither_delay_nor_jitter() -> None:
    assert Latency().is_off
    assert not Latency(jitter_s=0.1).is_off
    assert not Latency(delay_s=0.1).is_off


def test_slices_that_arrive_together_are_held_together_and_counted_one_by_one() -> None:
    flow = Flow.under(Slice(size_bytes=2), Latency(delay_s=1.0))
    flow.put(b"abcde")
    assert flow.chain.held_bytes == 5 + 3 * PIECE_OVERHEAD_BYTES
    flow.wait_until(1.0)
    assert flow.pieces == [b"ab", b"cd", b"e"]
    assert flow.chain.held_bytes == 0


def test_what_is_held_together_leaves_when_the_fault_is_gone() -> None:
    flow = Flow.under(Slice(size_bytes=2), Latency(delay_s=1.0), Freeze(is_on=True))
    flow.put(b"abcde")
    flow.change()
    assert flow.pieces == [b"ab", b"cd", b"e"]


def test_the_slices_of_a_read_share_its_jitter() -> None:
    flow = Flow.under(Slice(size_bytes=1), Latency(delay_s=1.0, jitter_s=1.0))
    flow.put(b"x" * 50)
    flow.run_dry()
    assert len({departure.at for departure in flow.departures}) == 1
    assert len(flow.pieces) == 50
