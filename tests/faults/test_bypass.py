"""The bypass: bytes that skip a chain are those that it would have passed on."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tests.faults.flows import Flow
from tests.faults.mixtures import any_faults, slices, terminations
from trixter.faults import EOF, Chain, Corrupt, CorruptMode, Dice, Fault, Faults, Latency, Slice, Terminate
from trixter.faults.probabilistic import OPERATION_BYTES
from trixter.faults.throttle import SLACK_S, Throttle

GIGABYTE = 10**9


@dataclass
class ShortCut(Flow):
    """Puts in only what must be."""

    passed_by: int = 0

    def put(self, data: bytes) -> None:
        if data and self.chain.admits(len(data)):
            self.passed_by += 1
            self.note(data)
        else:
            super().put(data)


def short_cut(*faults: Fault) -> ShortCut:
    flow = ShortCut(Chain(Faults(*faults), Dice(1), 0.0))
    flow.take()
    return flow


strikes = st.builds(Corrupt, probability=st.sampled_from([0.01, 0.1, 0.5]), mode=st.just(CorruptMode.FLIP))
reads = st.lists(st.binary(min_size=1, max_size=60), max_size=60)


@given(st.lists(st.one_of(strikes, terminations, slices), max_size=4), reads, st.data())
def test_around_or_through_the_same_leaves_at_the_same_time(
    faults: list[Fault], pieces: list[bytes], data: st.DataObject
) -> None:
    through, around = Flow.under(*faults), short_cut(*faults)
    for piece in pieces:
        if data.draw(st.integers(0, 9)) == 0:
            faults = data.draw(st.lists(st.one_of(strikes, slices), max_size=3))
            through.change(*faults)
            around.change(*faults)
        for flow in (through, around):
            flow.wait_until(flow.now + 0.01)
            flow.put(piece)
    for flow in (through, around):
        flow.put_eof()
        flow.run_dry()
    assert around.departures == through.departures


@given(any_faults, reads)
def test_nothing_overtakes_what_is_held(faults: Faults, pieces: list[bytes]) -> None:
    flow = short_cut(*faults)
    for piece in pieces:
        flow.put(piece)
        assert not (flow.chain.held_bytes and flow.chain.admits(1))


def test_reads_that_no_fault_concerns_go_around() -> None:
    flow = short_cut(
        Corrupt(probability=1e-9),
        Terminate(probability=1e-9),
        Slice(size_bytes=GIGABYTE),
        Throttle(rate_bytes_per_s=10 * GIGABYTE),
    )
    for _ in range(1000):
        flow.put(b"x" * 64)
    assert flow.passed_by == 1000


def test_a_read_of_several_operations_or_slices_does_not() -> None:
    flow = short_cut(Terminate(probability=1e-9))
    assert flow.chain.admits(OPERATION_BYTES)
    assert not flow.chain.admits(OPERATION_BYTES + 1)
    flow = short_cut(Slice(size_bytes=100))
    assert flow.chain.admits(100)
    assert not flow.chain.admits(101)


def test_slices_that_vary_or_have_gaps_and_latency_let_nothing_around() -> None:
    for fault in (
        Slice(size_bytes=100, variation_bytes=1),
        Slice(size_bytes=100, gap_s=0.1),
        Latency(delay_s=0.1),
    ):
        assert not short_cut(fault, Terminate(probability=1e-9)).chain.admits(1)


def test_a_throttle_lets_its_slack_around_and_no_more() -> None:
    flow = short_cut(Throttle(rate_bytes_per_s=GIGABYTE))
    slack_bytes = int(SLACK_S * GIGABYTE)
    assert flow.chain.admits(slack_bytes)
    assert not flow.chain.admits(1)
    flow.put(b"x")  # at the same time: the line still owes all of it
    assert flow.chain.held_bytes
    flow.run_dry()
    assert flow.now >= SLACK_S


def test_what_was_allowed_is_not_when_the_faults_change_or_the_end_has_come() -> None:
    flow = short_cut(Slice(size_bytes=100))
    flow.chain.change(Faults(Slice(size_bytes=10)), 0.0)
    assert not flow.chain.admits(50)
    flow.put_eof()
    assert flow.ended == EOF
