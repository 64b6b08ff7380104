"""The chain's contract, which every fault and every mixture of them keeps for every input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.flows import Flow, sent
from tests.faults.mixtures import EVERY, HARMLESS, any_faults, arrivals, harmless_faults, spans
from trixter.faults import CATALOGUE, EOF, RESET, Abort, Close, Faults, Reset

Arrivals = list[tuple[float, bytes]]


def feed(flow: Flow, reads: Arrivals) -> bytes:
    for gap, data in reads:
        flow.wait_until(flow.now + gap)
        flow.put(data)
    return b"".join(data for _, data in reads)


def test_every_fault_of_the_catalogue_is_put_to_the_test() -> None:
    assert {entry.name for entry in CATALOGUE} == EVERY.keys()


@pytest.mark.parametrize("kind", HARMLESS)
@given(data=st.data(), reads=arrivals)
def test_each_harmless_fault_delivers_exactly_what_went_in(
    kind: str, data: st.DataObject, reads: Arrivals
) -> None:
    flow = Flow.under(data.draw(HARMLESS[kind]))
    whole = feed(flow, reads)
    flow.put_eof()
    flow.run_dry()
    assert (flow.bytes_out, flow.ended, flow.chain.held_bytes) == (whole, EOF, 0)


@given(harmless_faults, arrivals)
def test_every_mixture_of_them_does(faults: Faults, reads: Arrivals) -> None:
    flow = Flow.under(*faults)
    whole = feed(flow, reads)
    flow.put_eof()
    flow.run_dry()
    assert (flow.bytes_out, flow.ended, flow.chain.held_bytes) == (whole, EOF, 0)


@given(harmless_faults, arrivals, st.booleans())
def test_what_was_received_before_a_reset_leaves_before_it(
    faults: Faults, reads: Arrivals, half_closes: bool
) -> None:
    flow = Flow.under(*faults)
    whole = feed(flow, reads)
    if half_closes:
        flow.put_eof()
    flow.put_reset()
    flow.run_dry()
    assert (flow.bytes_out, flow.ended, flow.chain.held_bytes) == (whole, RESET, 0)


@given(any_faults, arrivals)
def test_a_reset_comes_last_and_nothing_is_lost_by_it(faults: Faults, reads: Arrivals) -> None:
    flow, without_reset = Flow.under(*faults), Flow.under(*faults)
    for each in (flow, without_reset):
        feed(each, reads)
    flow.put_reset()
    for each in (flow, without_reset):
        each.run_dry()
    assert isinstance(flow.ended, Reset | Abort | Close)
    assert isinstance(flow.ended, Abort) or flow.bytes_out == without_reset.bytes_out


@given(harmless_faults, st.binary(max_size=64), st.data())
def test_how_the_peer_split_its_writes_does_not_change_the_bytes(
    faults: Faults, payload: bytes, data: st.DataObject
) -> None:
    flow, rest = Flow.under(*faults), payload
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        flow.wait_until(flow.now + data.draw(spans))
        flow.put(rest[:size])
        rest = rest[size:]
    flow.run_dry()
    assert flow.bytes_out == payload


@given(any_faults, arrivals)
def test_appointments_are_in_the_future_and_are_kept(faults: Faults, reads: Arrivals) -> None:
    flow = Flow.under(*faults)
    feed(flow, reads)
    flow.put_eof()
    flow.run_dry()  # checks each of them
    assert flow.chain.held_bytes == 0
    assert flow.ended is not None


@given(any_faults, arrivals)
def test_the_same_seed_and_the_same_puts_give_the_same_actions(faults: Faults, reads: Arrivals) -> None:
    runs = [Flow.under(*faults, seed=99) for _ in range(2)]
    for flow in runs:
        feed(flow, reads)
        flow.put_eof()
        flow.run_dry()
    assert runs[0].departures == runs[1].departures


@given(harmless_faults, arrivals)
def test_becoming_calm_releases_everything_at_once(faults: Faults, reads: Arrivals) -> None:
    flow = Flow.under(*faults)
    whole = feed(flow, reads)
    flow.put_eof()
    flow.change()
    assert (flow.bytes_out, flow.ended, flow.chain.held_bytes) == (whole, EOF, 0)
    assert flow.chain.wake_at() is None


@given(harmless_faults, arrivals)
def test_what_is_held_is_counted_at_its_size_at_least(faults: Faults, reads: Arrivals) -> None:
    flow = Flow.under(*faults)
    whole = feed(flow, reads)
    held = len(whole) - len(flow.bytes_out)
    assert flow.chain.held_bytes >= held
    assert (flow.chain.held_bytes == 0) == (held == 0)


@given(any_faults, arrivals)
def test_nothing_comes_after_an_abort_or_a_reset(faults: Faults, reads: Arrivals) -> None:
    flow = Flow.under(*faults)
    feed(flow, reads)
    if not isinstance(flow.ended, Abort):
        flow.put_reset()
        flow.run_dry()
    if isinstance(flow.ended, Abort | Close | Reset):
        count = len(flow.departures)
        flow.put(b"more")
        flow.change()
        assert sent(flow.take()) == b""
        assert len(flow.departures) == count
