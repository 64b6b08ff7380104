"""Throttle: a steady rate."""

from itertools import pairwise
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.flows import Flow
from trixter.errors import SettingError
from trixter.faults import EOF, Slice, Throttle
from trixter.faults.throttle import MOST_QUEUED_PIECES


def seconds_for(size_bytes: int, rate: float, piece_bytes: int = 65536) -> float:
    flow = Flow.under(Throttle(rate_bytes_per_s=rate), now=100.0)
    for start in range(0, size_bytes, piece_bytes):
        flow.put(b"x" * min(piece_bytes, size_bytes - start))
    flow.put_eof()
    flow.run_dry()
    assert len(flow.bytes_out) == size_bytes
    assert flow.ended == EOF
    return flow.now - 100.0


@pytest.mark.parametrize("rate", [10, 1000, 17.3, 1e6, 1e8])
@pytest.mark.parametrize("piece_bytes", [100, 65536])
def test_n_bytes_take_n_divided_by_the_rate(rate: float, piece_bytes: int) -> None:
    size_bytes = min(int(rate * 2), 3_000_000 if piece_bytes > 100 else 30_000)
    expected_s = size_bytes / rate
    # The stated error, and the slack of one timer for what takes no time at all.
    assert seconds_for(size_bytes, rate, piece_bytes) == pytest.approx(expected_s, rel=0.01, abs=0.0002)


def test_bytes_trickle_rather_than_arrive_in_lumps() -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=10_000))
    flow.put(b"x" * 10_000)
    flow.run_dry()
    assert max(b.at - a.at for a, b in pairwise(flow.departures)) <= 0.020


def test_a_piece_is_cut_into_what_the_rate_earns_in_5_ms() -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=1000))
    flow.put(b"x" * 12)
    flow.run_dry()
    assert [(d.at, d.action) for d in flow.departures] == [
        (0.005, b"x" * 5),
        (0.01, b"x" * 5),
        (0.012, b"xx"),
    ]


def test_the_rate_holds_where_a_byte_takes_less_time_than_the_clock_can_tell() -> None:
    year_s, rate = 365 * 86_400.0, 331_000_000
    flow = Flow.under(Throttle(rate_bytes_per_s=rate), now=year_s)
    for _ in range(100_000):
        flow.chain.put(b"x", flow.now)
    flow.run_dry()
    assert flow.now - year_s == pytest.approx(100_000 / rate, rel=0.01)


def test_a_rate_slower_than_that_gives_single_bytes() -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=2))
    flow.put(b"abc")
    flow.run_dry()
    assert flow.pieces == [b"a", b"b", b"c"]
    assert [round(d.at, 3) for d in flow.departures] == [0.5, 1.0, 1.5]


def test_an_idle_time_earns_nothing() -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=100))
    flow.wait_until(1000.0)
    flow.put(b"x" * 100)
    flow.run_dry()
    assert flow.now == pytest.approx(1001.0)


def test_what_takes_less_time_than_a_timer_leaves_at_once_and_is_paid_for() -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=1e6))
    for _ in range(1000):
        flow.put(b"x" * 100)  # 0.1 ms each
    assert 0 < len(flow.bytes_out) <= 300
    flow.run_dry()
    assert flow.now == pytest.approx(0.1, abs=0.0002)


def test_small_pieces_leave_together_but_the_last_is_not_kept_waiting() -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=10_000))
    for _ in range(100):
        flow.put(b"x" * 10)  # 1 ms each
    times = set()
    while (when := flow.chain.wake_at()) is not None:
        flow.now = when
        flow.take()
        times.add(when)
    assert len(times) <= 25
    assert max(times) == pytest.approx(0.1, abs=0.0002)


def test_eof_waits_behind_the_bytes_and_leaves_with_the_last_of_them() -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=10))
    flow.put(b"x" * 10)
    flow.put_eof()
    assert flow.ended is None
    flow.run_dry()
    assert flow.departures[-1].at == pytest.approx(1.0, abs=0.001)
    assert flow.departures[-1].action == EOF


def test_eof_of_an_idle_direction_passes() -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=10))
    flow.put_eof()
    assert flow.ended == EOF


def test_removing_it_releases_all_it_held() -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=1))
    flow.put(b"hello")
    flow.put_eof()
    flow.wait_until(2.0)
    flow.change()
    assert flow.bytes_out == b"hello"
    assert flow.ended == EOF
    assert flow.now == 2.0


@pytest.mark.parametrize(("before", "after"), [(100, 1000), (1000, 100), (1, 1e6)])
def test_a_change_of_rate_keeps_what_was_earned(before: float, after: float) -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=before))
    flow.put(b"x" * 10_000)
    flow.wait_until(0.5)
    flow.change(Throttle(rate_bytes_per_s=after))
    flow.run_dry()
    assert flow.now == pytest.approx(0.5 + (10_000 - before * 0.5) / after, rel=0.01)


def test_what_a_fast_rate_earned_leaves_when_a_slow_one_takes_over() -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=100_000_000))
    flow.put(b"x" * 1_000_000)
    flow.wait_until(0.004)
    flow.change(Throttle(rate_bytes_per_s=10))
    assert [len(piece) for piece in flow.pieces] == [400_000]
    assert flow.chain.wake_at() == pytest.approx(0.104)


def test_a_change_of_rate_keeps_what_is_owed() -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=1e6))
    flow.put(b"x" * 190)  # leaves at once, on credit
    flow.change(Throttle(rate_bytes_per_s=1000))
    flow.put(b"x" * 10)
    flow.run_dry()
    assert flow.now == pytest.approx(0.2, abs=0.0003)


def test_two_throttles_act_as_the_slower() -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=1000), Throttle(rate_bytes_per_s=100))
    flow.put(b"x" * 500)
    flow.run_dry()
    assert flow.now == pytest.approx(5.0, rel=0.01)


@given(
    st.sampled_from([0.001, 1, 17, 1e4, 331e6, 1e12]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(1, 300)), min_size=1, max_size=10),
    st.sampled_from([0.0, 3e7]),
)
def test_no_more_leaves_than_was_earned(rate: float, reads: list[tuple[float, int]], start: float) -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=rate), now=start)
    for gap, size in reads:
        flow.wait_until(flow.now + gap)
        flow.put(b"x" * size)
    first = start + reads[0][0]
    flow.run_dry()
    assert len(flow.bytes_out) == sum(size for _, size in reads)
    left_bytes = 0
    for departure in flow.departures:
        assert isinstance(departure.action, bytes)
        left_bytes += len(departure.action)
        # 0.2 ms of slack, one byte of rounding, and what the clock itself cannot tell apart.
        assert left_bytes <= (departure.at - first + 0.0002) * rate + 1 + rate * 1e-8


@pytest.mark.parametrize("value", [-1, 0.0001, nan, inf, -inf, 10**400, "1", None, True])
def test_a_bad_rate_is_refused_with_its_name_and_value(value: object) -> None:
    with pytest.raises(SettingError) as caught:
        Throttle(rate_bytes_per_s=value)  # type: ignore[arg-type]
    assert (caught.value.name, caught.value.value) == ("rate_bytes_per_s", value)


def test_the_rate_holds_if_all_that_may_goes_around() -> None:
    rate, piece, sent_bytes = 1e6, b"x" * 40, 0
    flow = Flow.under(Throttle(rate_bytes_per_s=rate))
    flow.take()
    while flow.now < 1.0:  # twice the rate comes in
        flow.wait_until(flow.now + len(piece) / rate / 2)
        if flow.chain.admits(len(piece)):
            sent_bytes += len(piece)
        else:
            flow.put(piece)
    assert sent_bytes + len(flow.bytes_out) == pytest.approx(rate, rel=0.01)
    assert flow.chain.held_bytes


@pytest.mark.parametrize(
    ("throttle", "most_bytes"),
    [
        (Throttle(rate_bytes_per_s=1000), 65_536),
        (Throttle(rate_bytes_per_s=10e6), 1e6),
        (Throttle(rate_bytes_per_s=10e6, queue_bytes=5000), 5000),
    ],
    ids=repr,
)
def test_its_queue_is_full_when_it_holds_what_the_rate_carries_in_100_ms_or_what_was_set(
    throttle: Throttle, most_bytes: float
) -> None:
    flow = Flow.under(throttle)
    assert flow.chain.fullness == 0
    flow.put(b"x" * (int(most_bytes) - 1))
    flow.put(b"x")
    assert flow.chain.fullness == pytest.approx(1.0)
    flow.put(b"x")
    assert flow.chain.fullness > 1
    flow.run_dry()
    assert flow.chain.fullness == 0


def test_a_change_holds_for_the_queue_at_once() -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=1000))
    flow.put(b"x" * 60_000)
    assert flow.chain.fullness < 1
    flow.change(Throttle(rate_bytes_per_s=1000, queue_bytes=10_000))
    assert flow.chain.fullness == pytest.approx(6.0)


def test_one_read_is_half_of_the_queue_at_most() -> None:
    assert Flow.under(Throttle(rate_bytes_per_s=1000)).chain.most_read_bytes == 32_768
    assert Flow.under(Throttle(rate_bytes_per_s=1000, queue_bytes=10)).chain.most_read_bytes == 8192
    assert Flow.under(Throttle(rate_bytes_per_s=1000), Slice(size_bytes=999)).chain.most_read_bytes == 32_768
    assert Flow.under().chain.most_read_bytes == inf


@pytest.mark.parametrize("value", [-1, 0.5, "1", None, True])
def test_a_bad_queue_is_refused(value: object) -> None:
    with pytest.raises(SettingError) as caught:
        Throttle(rate_bytes_per_s=1000, queue_bytes=value)  # type: ignore[arg-type]
    assert (caught.value.name, caught.value.value) == ("queue_bytes", value)


def test_many_small_pieces_fill_its_queue_too() -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=1e6))
    for _ in range(MOST_QUEUED_PIECES + 300):
        flow.put(b"x")
    assert flow.chain.fullness > 1
