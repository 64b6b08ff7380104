"""What holds for every fault, every mixture of them and every input (the chain's contract)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.flows import Flow, sent
from tests.faults.mixtures import EVERY, HARMLESS, any_faults, arrivals, harmless_faults
from trixter.faults import CATALOGUE, EOF, Abort, Fault, Faults

Arrivals = list[tuple[float, bytes]]


def feed(flow: Flow, reads: Arrivals) -> bytes:
    for gap, data in reads:
        flow.wait_until(flow.now + gap)
        flow.put(data)
    return b"".join(data for _, data in reads)


def test_every_fault_of_the_catalogue_is_put_to_the_test() -> None:
    assert {kind.__name__.lower() for kind in CATALOGUE} == EVERY.keys()


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


@given(harmless_faults, st.binary(max_size=64), st.data())
def test_how_the_peer_split_its_writes_does_not_change_the_bytes(
    faults: Faults, payload: bytes, data: st.DataObject
) -> None:
    flow, rest = Flow.under(*faults), payload
    while rest:
        size = data.draw(st.integers(1, len(rest)))
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


@given(any_faults, arrivals, st.lists(st.floats(0, 30), max_size=20))
def test_how_often_somebody_asks_does_not_change_what_has_left_when(
    faults: Faults, reads: Arrivals, looks: list[float]
) -> None:
    punctual, curious = Flow.under(*faults), Flow.under(*faults)
    feed(punctual, reads)
    for gap, data in reads:
        then = curious.now + gap
        for look in sorted(look for look in looks if curious.now < look < then):
            curious.wait_until(look)
            curious.take()
        curious.wait_until(then)
        curious.put(data)
    for flow in (punctual, curious):
        flow.run_dry()
    assert punctual.bytes_out == curious.bytes_out
    assert punctual.ended == curious.ended


@given(st.lists(st.one_of(HARMLESS["latency"], HARMLESS["slice"]), max_size=4), arrivals)
def test_who_comes_late_finds_exactly_what_was_due(faults: list[Fault], reads: Arrivals) -> None:
    kept, missed = Flow.under(*faults), Flow.under(*faults)
    feed(kept, reads)
    for gap, data in reads:
        missed.now += gap
        missed.chain.put(data, missed.now)
    later = kept.now + 2.0
    kept.wait_until(later)
    missed.now = later
    missed.take()
    assert missed.bytes_out == kept.bytes_out


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
def test_nothing_comes_after_an_abort(faults: Faults, reads: Arrivals) -> None:
    flow = Flow.under(*faults)
    feed(flow, reads)
    if isinstance(flow.ended, Abort):
        count = len(flow.departures)
        flow.put(b"more")
        flow.change()
        assert sent(flow.take()) == b""
        assert len(flow.departures) == count
