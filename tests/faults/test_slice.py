"""Slice: small writes."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.flows import Flow
from trixter.errors import SettingError
from trixter.faults import EOF, Faults, Latency, Slice


def test_no_write_is_larger_than_the_size() -> None:
    flow = Flow.under(Slice(size_bytes=4))
    flow.put(b"abcdefghij")
    assert flow.pieces == [b"abcd", b"efgh", b"ij"]


def test_nothing_is_collected() -> None:
    flow = Flow.under(Slice(size_bytes=100))
    flow.put(b"a")
    flow.put(b"b")
    flow.put_eof()
    assert flow.pieces == [b"a", b"b"]
    assert flow.ended == EOF


def test_variation_takes_off_and_never_adds() -> None:
    flow = Flow.under(Slice(size_bytes=10, variation_bytes=6), seed=2)
    flow.put(b"x" * 50_000)
    sizes = [len(piece) for piece in flow.pieces[:-1]]
    assert set(sizes) == set(range(4, 11))
    assert sum(sizes) / len(sizes) == pytest.approx(7, abs=0.1)


def test_a_gap_keeps_slices_apart_and_the_first_does_not_wait() -> None:
    flow = Flow.under(Slice(size_bytes=2, gap_s=0.5))
    flow.put(b"abcd")
    flow.put(b"e")
    flow.put_eof()
    flow.run_dry()
    assert [(d.at, d.action) for d in flow.departures] == [
        (0.0, b"ab"),
        (0.5, b"cd"),
        (1.0, b"e"),
        (1.0, EOF),
    ]


def test_a_gap_holds_between_reads_too() -> None:
    flow = Flow.under(Slice(size_bytes=2, gap_s=1.0))
    flow.put(b"a")
    flow.wait_until(0.25)
    flow.put(b"b")
    flow.wait_until(10.0)
    flow.put(b"c")
    flow.run_dry()
    assert [d.at for d in flow.departures] == [0.0, 1.0, 10.0]


def test_slices_leave_when_they_are_due_however_late_somebody_asks() -> None:
    flow = Flow.under(Slice(size_bytes=1, gap_s=1.0))
    flow.put(b"abcd")
    flow.now = 2.5
    assert flow.take() == [b"b", b"c"]
    assert flow.chain.wake_at() == 3.0


def test_eof_behind_a_last_slice_that_has_left_passes() -> None:
    flow = Flow.under(Slice(size_bytes=1, gap_s=1.0))
    flow.put(b"a")
    flow.put_eof()
    assert (flow.now, flow.ended) == (0.0, EOF)


def test_a_smaller_gap_reaches_what_is_held() -> None:
    flow = Flow.under(Slice(size_bytes=1, gap_s="100s"))
    flow.put(b"abc")
    flow.wait_until(5.0)
    flow.change(Slice(size_bytes=1, gap_s=10.0))
    flow.run_dry()
    assert [d.at for d in flow.departures] == [0.0, 10.0, 20.0]


def test_a_gap_that_is_removed_lets_everything_go_in_slices() -> None:
    flow = Flow.under(Slice(size_bytes=1, gap_s="100s"))
    flow.put(b"abcde")
    flow.wait_until(5.0)
    flow.change(Slice(size_bytes=2))
    assert flow.pieces == [b"a", b"bc", b"de"]


def test_what_comes_after_a_gap_is_removed_stays_behind_what_was_held() -> None:
    flow = Flow.under(Slice(size_bytes=1, gap_s="100s"))
    flow.put(b"abc")
    flow.chain.change(Faults(Slice(size_bytes=1)), flow.now)
    flow.chain.put(b"xyz", flow.now)  # the caller did not take in between
    flow.take()
    assert flow.bytes_out == b"abcxyz"


def test_a_gap_too_small_for_a_clock_that_has_run_for_a_year_is_none() -> None:
    flow = Flow.under(Slice(size_bytes=1, gap_s=1e-12), now=3e7)
    flow.put(b"x" * 1000)
    assert len(flow.pieces) == 1000


def test_removing_it_releases_the_rest_uncut() -> None:
    flow = Flow.under(Slice(size_bytes=1, gap_s="100s"))
    flow.put(b"abcde")
    flow.put_eof()
    flow.change()
    assert flow.pieces == [b"a", b"bcde"]
    assert flow.ended == EOF


@given(st.integers(1, 60), st.data(), st.lists(st.binary(min_size=1, max_size=200), max_size=5))
def test_slices_are_the_bytes_that_went_in_and_within_the_size(
    size: int, data: st.DataObject, reads: list[bytes]
) -> None:
    variation = data.draw(st.integers(0, size - 1))
    flow = Flow.under(Slice(size_bytes=size, variation_bytes=variation))
    for read in reads:
        flow.put(read)
    assert flow.bytes_out == b"".join(reads)
    assert all(1 <= len(piece) <= size for piece in flow.pieces)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size_bytes", -1),
        ("size_bytes", 1.5),
        ("size_bytes", None),
        ("size_bytes", True),
        ("size_bytes", "4"),
        ("variation_bytes", -1),
        ("variation_bytes", "2"),
        ("gap_s", nan),
        ("gap_s", inf),
        ("gap_s", -0.1),
        ("gap_s", True),
        ("gap_s", None),
    ],
)
def test_a_bad_setting_is_refused_with_its_name_and_value(name: str, value: object) -> None:
    with pytest.raises(SettingError) as caught:
        Slice(**{name: value})  # type: ignore[arg-type]
    assert caught.value.name == name
    assert caught.value.value is value


def test_a_variation_as_large_as_the_size_is_refused() -> None:
    with pytest.raises(SettingError) as caught:
        Slice(size_bytes=10, variation_bytes=10)
    assert (caught.value.name, caught.value.value) == ("variation_bytes", 10)


def test_it_is_off_without_a_size() -> None:
    assert Slice().is_off
    assert not Slice(size_bytes=1).is_off


@pytest.mark.parametrize(("size_bytes", "most_bytes"), [(1, 256), (100, 25_600), (1000, 65_536)])
def test_a_read_becomes_no_more_than_256_slices(size_bytes: int, most_bytes: int) -> None:
    assert Flow.under(Slice(size_bytes=size_bytes)).chain.most_read_bytes == most_bytes
    varied = Slice(size_bytes=2 * size_bytes, variation_bytes=2 * size_bytes - 1)
    assert Flow.under(varied).chain.most_read_bytes <= most_bytes + 128


def test_with_a_gap_it_is_a_rate_whose_queue_is_short() -> None:
    flow = Flow.under(Slice(size_bytes=100, gap_s=1.0))
    flow.put(b"x" * (65_536 + 100))
    assert flow.chain.fullness == pytest.approx(1.0)
    flow.put(b"x")
    assert flow.chain.fullness > 1
    flow.run_dry()
    assert flow.chain.fullness == 0
    fast = Flow.under(Slice(size_bytes=1000, gap_s=0.0001))
    fast.put(b"x" * 500_000)
    assert fast.chain.fullness < 0.5


def test_without_a_gap_it_is_no_queue() -> None:
    flow = Flow.under(Slice(size_bytes=1), Latency(delay_s=1))
    flow.put(b"x" * 1000)
    assert flow.chain.fullness == 0
