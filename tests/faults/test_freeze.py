"""Freeze: nothing leaves while it is on."""

import pytest

from tests.faults.flows import Flow
from trixter.errors import SettingError
from trixter.faults import EOF, NO_FAULTS, Abort, Faults, Freeze, Latency, Slice, Terminate, Throttle
from trixter.faults.fault import PIECE_OVERHEAD_BYTES

HOLD = Freeze(is_on=True)


def test_bytes_and_eof_stay_for_as_long_as_it_is_on() -> None:
    flow = Flow.under(HOLD)
    flow.put(b"held")
    flow.put_eof()
    flow.wait_until(1e6)
    assert flow.departures == []
    assert flow.chain.wake_at() is None


def test_when_it_is_over_all_leaves_at_once_in_order_and_piece_by_piece() -> None:
    flow = Flow.under(HOLD)
    for piece in (b"a", b"bc", b"d"):
        flow.put(piece)
    flow.put_eof()
    flow.wait_until(5.0)
    flow.change()
    assert [(d.at, d.action) for d in flow.departures] == [(5.0, b"a"), (5.0, b"bc"), (5.0, b"d"), (5.0, EOF)]
    assert flow.chain.is_calm


def test_what_it_holds_counts_so_the_sender_comes_to_a_stop() -> None:
    flow = Flow.under(HOLD)
    flow.put(b"x" * 1000)
    assert flow.chain.held_bytes == 1000 + PIECE_OVERHEAD_BYTES
    assert flow.chain.in_flight_bytes == 0
    flow.change()
    assert flow.chain.held_bytes == 0


def test_other_faults_may_come_and_go_meanwhile() -> None:
    flow = Flow.under(HOLD)
    flow.put(b"a")
    flow.change(HOLD, Latency(delay_s=1.0))
    flow.put(b"b")
    flow.change(HOLD)
    flow.put(b"c")
    assert flow.departures == []
    flow.change(Throttle(rate_bytes_per_s=1e9))
    flow.run_dry()
    assert flow.bytes_out == b"abc"


def test_it_comes_last_so_a_delay_goes_on_meanwhile() -> None:
    flow = Flow.under(HOLD, Latency(delay_s=2.0))
    flow.put(b"over")
    flow.wait_until(1.0)
    flow.put(b"still on its way")
    flow.wait_until(2.5)
    flow.change(Latency(delay_s=2.0))
    flow.run_dry()
    assert [(d.at, d.action) for d in flow.departures] == [(2.5, b"over"), (3.0, b"still on its way")]


def test_a_hold_that_begins_keeps_what_is_still_delayed() -> None:
    flow = Flow.under(Latency(delay_s=1.0))
    flow.put(b"x")
    flow.change(HOLD, Latency(delay_s=1.0))
    flow.wait_until(9.0)
    assert flow.departures == []
    flow.change()
    assert [(d.at, d.action) for d in flow.departures] == [(9.0, b"x")]


def test_a_reset_goes_past_it_and_drops_what_it_held() -> None:
    flow = Flow.under(HOLD)
    flow.put(b"dropped")
    flow.change(HOLD, Terminate(probability=1.0))
    flow.put(b"struck")
    assert [d.action for d in flow.departures] == [Abort("terminated")]
    assert flow.chain.held_bytes == 0


def test_it_is_off_unless_it_is_on() -> None:
    assert Freeze().is_off
    assert not HOLD.is_off
    assert Faults(HOLD).with_fault(Freeze(is_on=False)) == NO_FAULTS


@pytest.mark.parametrize("value", [1, 0, None, "true", 1.0])
def test_what_is_neither_on_nor_off_is_refused_with_its_name_and_value(value: object) -> None:
    with pytest.raises(SettingError) as caught:
        Freeze(is_on=value)  # type: ignore[arg-type]
    assert caught.value.name == "is_on"
    assert caught.value.value is value


def test_slices_stay_slices_while_they_are_held() -> None:
    flow = Flow.under(Slice(size_bytes=2), HOLD)
    flow.put(b"abcde")
    assert flow.chain.held_bytes == 5 + 3 * PIECE_OVERHEAD_BYTES
    flow.change()
    assert flow.pieces == [b"ab", b"cd", b"e"]
