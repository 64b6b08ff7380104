"""Decisions: no stage does anything to a stream without saying so, and at which byte of the source."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.flows import Flow
from tests.faults.mixtures import EVERY, any_faults, arrivals
from tests.faults.test_promises import Arrivals, feed
from tests.faults.toxics import Toxic, any_toxics
from trixter.faults import (
    EOF,
    Abort,
    Chain,
    Close,
    Corrupt,
    CorruptMode,
    Decision,
    Dice,
    Effect,
    Fault,
    Faults,
    Latency,
    Slice,
    Stage,
    StageOrder,
    Terminate,
    Throttle,
)
from trixter.faults.chain_output import ChainOutput

INSERT = Corrupt(probability=1.0)
FLIP = Corrupt(probability=1.0, mode=CorruptMode.FLIP)


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Free only what nothing refers to any more."""
    gc.disable()
    yield
    gc.enable()


def recorded(*faults: Fault, seed: int = 1) -> tuple[Flow, list[Decision]]:
    decisions: list[Decision] = []
    return Flow.under(*faults, seed=seed, on_decision=decisions.append), decisions


def assert_nothing_is_done_in_silence(faults: Faults, reads: Arrivals) -> None:
    flow, decisions = recorded(*faults)
    calm = Flow.under()
    for each in (flow, calm):
        feed(each, reads)
        each.put_eof()
        each.run_dry()
    assert decisions or flow.departures == calm.departures


@pytest.mark.parametrize("kind", EVERY)
@given(data=st.data(), reads=arrivals)
def test_no_fault_does_anything_without_saying_so(kind: str, data: st.DataObject, reads: Arrivals) -> None:
    assert_nothing_is_done_in_silence(Faults(data.draw(EVERY[kind])), reads)


@given(any_toxics, arrivals)
def test_a_fault_that_a_user_writes_says_so_in_the_same_way(faults: Faults, reads: Arrivals) -> None:
    assert_nothing_is_done_in_silence(faults, reads)


@given(any_faults, arrivals)
def test_a_listener_changes_nothing(faults: Faults, reads: Arrivals) -> None:
    flows = Flow.under(*faults), recorded(*faults)[0]
    for flow in flows:
        feed(flow, reads)
        flow.put_eof()
        flow.run_dry()
    assert flows[0].departures == flows[1].departures


@given(any_faults, arrivals, st.integers(0, 10**6))
def test_offsets_count_from_the_first_byte_of_the_connection(
    faults: Faults, reads: Arrivals, passed_bytes: int
) -> None:
    def offsets(passed_bytes: int) -> list[int]:
        decisions: list[Decision] = []
        chain = Chain(faults, Dice(1), 0.0, on_decision=decisions.append, passed_bytes=passed_bytes)
        feed(Flow(chain), reads)
        return [each.offset_bytes for each in decisions]

    assert offsets(passed_bytes) == [each + passed_bytes for each in offsets(0)]


def test_a_strike_is_at_its_piece_of_the_read_and_once_for_each_operation() -> None:
    flow, decisions = recorded(FLIP)
    flow.put(b"x" * 100)
    flow.put(bytes(10_000))
    assert [each.offset_bytes // 8192 for each in decisions] == [0, 0, 1]
    at, former, new = decisions[1].detail["bytes"][0]
    assert (at, former) == (0, 0)
    assert flow.bytes_out[decisions[1].offset_bytes] == new


def test_a_strike_behind_inserted_bytes_is_at_the_byte_that_the_source_sent() -> None:
    flow, decisions = recorded(INSERT, Terminate(probability=1e-9), Slice(size_bytes=50), Latency(delay_s=1))
    flow.put(b"a" * 10)
    flow.put(b"b" * 10)
    flow.change(INSERT, Terminate(probability=1.0), Slice(size_bytes=50), Latency(delay_s=1))
    flow.put(b"c" * 10)
    inserted = [each for each in decisions if each.effect is Effect.INSERT]
    assert [each.offset_bytes for each in inserted] == [0, 0, 10, 10, 20, 20]
    reset = decisions[-1]
    assert (reset.kind, reset.effect, reset.offset_bytes) == ("terminate", Effect.RESET, 20)
    assert reset.input_bytes > 20


def test_one_that_joins_later_and_in_front_counts_from_where_the_stream_is() -> None:
    flow, decisions = recorded(Corrupt(probability=1.0, name="first"))
    flow.put(b"a" * 10)
    flow.change()
    chain = flow.chain
    assert chain.is_calm
    passed_bytes = len(flow.bytes_out) + 5  # five went around the calm chain
    chain.change(Faults(FLIP, Terminate(probability=1e-9)), flow.now, passed_bytes)
    flow.put(b"b" * 10)
    flips = [each for each in decisions if each.effect is Effect.FLIP]
    assert 15 <= flips[0].offset_bytes < 25
    assert flips[0].offset_bytes == flips[0].input_bytes - (passed_bytes - 15)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseFirst(Toxic):
    """Lose the first byte of each read."""

    order: ClassVar[StageOrder] = StageOrder.ALTER

    def stage(self, dice: Dice, now: float) -> Stage[Any]:
        return LoseFirstStage(self, dice)


class LoseFirstStage(Stage[LoseFirst]):
    def put(self, data: bytes, now: float) -> None:
        self.decide(Effect.LOSE, size_bytes=1)
        if data[1:]:
            self.next.put(data[1:], now)


def test_what_was_lost_before_counts_as_sent() -> None:
    flow, decisions = recorded(LoseFirst(), FLIP, Slice(size_bytes=5))
    flow.put(b"a" * 4)
    flow.put(b"b")
    flow.put(b"b" * 10)
    said = [(each.kind, each.offset_bytes) for each in decisions if each.kind != "corrupt"]
    assert said == [("lose_first", 0), ("lose_first", 4), ("lose_first", 5), ("slice", 6)]
    assert (decisions[-1].kind, decisions[-1].input_bytes) == ("slice", 3)


def test_bytes_count_that_passed_before_there_was_a_stage() -> None:
    decisions: list[Decision] = []
    flow = Flow.under(on_decision=decisions.append)
    flow.put(b"abc")
    flow.change(Terminate(probability=1))
    flow.put(b"d")
    assert [each.offset_bytes for each in decisions] == [3]


def test_bytes_that_went_around_the_stages_count() -> None:
    flow, decisions = recorded(Terminate(probability=1e-9), Slice(size_bytes=100))
    flow.take()
    assert flow.chain.admits(60)
    flow.put(b"x" * 101)
    assert (decisions[0].kind, decisions[0].offset_bytes) == ("slice", 60)


def test_settings_are_said_once_and_again_when_they_change_or_are_over() -> None:
    flow, decisions = recorded(Slice(size_bytes=10), Throttle(rate_bytes_per_s=1000))
    flow.put(b"x" * 5)
    assert [each.kind for each in decisions] == ["throttle"]
    for _ in range(3):
        flow.put(b"x" * 20)
    flow.change(Slice(size_bytes=50), Throttle(rate_bytes_per_s=1000))
    flow.change()
    said = [(each.kind, each.offset_bytes, each.detail.get("size_bytes")) for each in decisions]
    assert said == [
        ("throttle", 0, None),
        ("slice", 5, 10),
        ("slice", 65, 50),
        ("slice", 65, None),
        ("throttle", 65, None),
    ]
    assert {each.effect for each in decisions} == {Effect.SET}


def test_a_constant_delay_is_said_once_and_one_with_jitter_for_each_read() -> None:
    for jitter_s, said in ((0.0, 1), (0.1, 3)):
        flow, decisions = recorded(Latency(delay_s=1, jitter_s=jitter_s))
        for _ in range(3):
            flow.put(b"x")
        assert len(decisions) == said
    assert [each.offset_bytes for each in decisions] == [0, 1, 2]


def test_nothing_is_said_of_a_connection_that_is_over() -> None:
    flow, decisions = recorded(FLIP, Terminate(probability=1.0), Terminate(probability=1.0, name="second"))
    flow.put(b"x" * 100_000)
    flow.put(b"x")
    assert flow.ended == Abort("terminated")
    assert [each.kind for each in decisions] == ["corrupt", "terminate"]


def test_strikes_are_counted_also_without_a_listener() -> None:
    strikes: Counter[str] = Counter()
    flow = Flow(Chain(Faults(FLIP, Slice(size_bytes=2)), Dice(1), 0.0, strikes=strikes))
    for _ in range(3):
        flow.put(b"abcd")
    assert strikes == {"corrupt": 3, "slice": 1}


def test_a_fault_that_comes_and_goes_for_ever_needs_no_more_memory() -> None:
    flow, _ = recorded()
    for turn in range(50):
        flow.change(Corrupt(probability=1.0, name=str(turn)), Slice(size_bytes=9))
        flow.put(b"x" * 10)
        flow.change(Slice(size_bytes=9))
    assert len(flow.chain._output._counters) <= 3


def test_what_was_inserted_is_forgotten_as_soon_as_it_has_left() -> None:
    flow, _ = recorded(INSERT, Latency(delay_s=1))
    for _ in range(100):
        flow.put(b"x")
        flow.run_dry()
    assert len(flow.chain._output._counters[0]._changes) <= 2


def test_the_operations_that_might_have_been_struck_are_counted() -> None:
    over: Counter[str] = Counter()
    rare = Terminate(probability=1e-9)
    flow = Flow(Chain(Faults(rare, Corrupt(probability=1e-9)), Dice(1), 0.0, operations=over))
    flow.chain.open(0.0)
    flow.put(b"x")
    assert flow.chain.admits(5)  # around the stages
    flow.put(b"x" * 8193)
    assert flow.chain.operations() == {"terminate": 1 + 2 + 2 + 4, "corrupt": 2 + 2 + 4}
    flow.change(rare)
    assert over == {"corrupt": 8}
    flow.change(Terminate(probability=1e-8))
    flow.put_eof()
    flow.chain.close()
    assert over == {"terminate": 10, "corrupt": 8}
    flow.chain.close()
    assert over["terminate"] == 10


def test_operations_with_strikes_among_them_count_the_same() -> None:
    flow = Flow(Chain(Faults(Corrupt(probability=0.5)), Dice(1), 0.0))
    for _ in range(20):
        flow.put(b"x")
    assert flow.chain.operations() == {"corrupt": 40}


def test_a_stage_behind_bytes_that_are_held_counts_without_what_was_inserted_after_them() -> None:
    rare, sure = Corrupt(probability=1e-9), Corrupt(probability=1.0)
    flow, decisions = recorded(rare, Slice(size_bytes=10, gap_s=1))
    flow.put(b"x" * 50)
    flow.change(sure, Slice(size_bytes=10, gap_s=1), Throttle(rate_bytes_per_s=1))
    flow.put(b"y")
    flow.wait_until(1.0)
    assert [(each.kind, each.offset_bytes) for each in decisions] == [
        ("slice", 0),
        ("corrupt", 50),
        ("corrupt", 50),
        ("throttle", 10),
    ]


def test_bytes_around_count_for_stages_that_are_there() -> None:
    flow, decisions = recorded(INSERT, Slice(size_bytes=40_000))
    flow.put(b"x")
    flow.change(Slice(size_bytes=40_000))  # what was inserted still counts
    assert flow.chain.admits(60)
    flow.put(b"x" * 40_001)
    assert (decisions[-1].kind, decisions[-1].offset_bytes) == ("slice", 61)


def test_leaving_a_record_is_no_strike_and_nothing_follows_an_end() -> None:
    strikes: Counter[str] = Counter()
    decisions: list[Decision] = []
    output = ChainOutput(strikes=strikes, on_decision=decisions.append)
    stage = LoseFirst().stage(Dice(1), 0.0)
    output.join(stage)
    output.link([stage])
    stage.decide(Effect.DIVERGE)
    stage.close("enough", 0.0)
    stage.decide(Effect.LOSE, size_bytes=1)
    output.put_all([b"x"], 0.0)
    output.put_end(EOF, 0.0)
    assert (output.actions, strikes) == ([Close("enough")], {"lose_first": 1})
    assert [each.effect for each in decisions] == [Effect.DIVERGE, Effect.CLOSE]


@pytest.mark.usefixtures("no_collection")
def test_a_chain_with_a_listener_is_freed_when_it_is_closed() -> None:
    class Listener:
        def __call__(self, decision: Decision) -> None: ...

    freed: list[bool] = []
    listener = Listener()
    weakref.finalize(listener, freed.append, True)
    flow = Flow.under(INSERT, Latency(delay_s=1.0), on_decision=listener)
    flow.put(b"x")
    flow.chain.close()
    del flow, listener
    assert freed
