"""The chain: stages in order, and settings that change under way."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given

from tests.faults.flows import Flow
from tests.faults.mixtures import any_faults
from tests.faults.toxics import LimitData, Toxic
from trixter.faults import (
    EOF,
    NO_FAULTS,
    RESET,
    Abort,
    Chain,
    Close,
    Corrupt,
    Decision,
    Dice,
    Faults,
    Freeze,
    Latency,
    Slice,
    Stage,
    StageOrder,
    Terminate,
    Throttle,
)
from trixter.faults.chain import Bypass


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortAndGoOn(Toxic):
    """Abort, and pass the bytes on all the same: an outlet must not rely on the manners of a stage."""

    order: ClassVar[StageOrder] = StageOrder.ALTER

    def stage(self, dice: Dice, now: float) -> Stage[Any]:
        return AbortAndGoOnStage(self, dice)


class AbortAndGoOnStage(Stage[AbortAndGoOn]):
    def put(self, data: bytes, now: float) -> None:
        self.abort("asked")
        self.next.put(data, now)


def test_a_calm_chain_passes_everything_at_once() -> None:
    flow = Flow.under()
    flow.put(b"a")
    flow.put_eof()
    assert [d.action for d in flow.departures] == [b"a", EOF]
    assert flow.chain.is_calm
    assert flow.chain.wake_at() is None


@given(any_faults)
def test_an_empty_put_is_nothing(faults: Faults) -> None:
    flow = Flow.under(*faults)
    flow.put(b"")
    flow.run_dry()
    assert (flow.departures, flow.chain.held_bytes) == ([], 0)


def test_it_is_not_calm_before_everything_has_been_taken() -> None:
    chain = Chain(Faults(Latency(delay_s=1)), Dice(1), 0.0)
    chain.put(b"x", 0.0)
    chain.change(NO_FAULTS, 0.0)
    assert not chain.is_calm  # bytes that went around it now would overtake
    assert chain.take(0.0) == [b"x"]
    assert chain.is_calm


def test_it_shows_the_settings_in_force() -> None:
    flow = Flow.under(Latency(delay_s=1))
    assert flow.chain.faults == Faults(Latency(delay_s=1))
    assert not flow.chain.is_calm
    flow.change()
    assert flow.chain.faults == NO_FAULTS
    assert flow.chain.is_calm


def test_slices_put_together_leave_together_and_none_after_an_abort() -> None:
    flow = Flow.under(Slice(size_bytes=2))
    flow.put(b"aabbc")
    assert [d.action for d in flow.departures] == [b"aa", b"bb", b"c"]
    chain = Chain(Faults(AbortAndGoOn(), Slice(size_bytes=2)), Dice(1), 0.0)
    chain.put(b"aabbc", 0.0)
    assert chain.take(0.0) == [Abort("asked")]


def test_slices_are_throttled_and_then_delayed() -> None:
    flow = Flow.under(Latency(delay_s=10), Throttle(rate_bytes_per_s=100), Slice(size_bytes=50))
    flow.put(b"x" * 100)
    flow.run_dry()
    assert flow.departures[0].at >= 10
    assert flow.now == pytest.approx(11.0, abs=0.001)
    assert max(map(len, flow.pieces)) <= 50


def test_a_fault_that_joins_does_not_touch_what_is_already_behind_it() -> None:
    flow = Flow.under(Latency(delay_s=5))
    flow.put(b"abcd")
    flow.change(Latency(delay_s=5), Slice(size_bytes=1))
    flow.put(b"ef")
    flow.run_dry()
    assert flow.pieces == [b"abcd", b"e", b"f"]


def test_what_a_leaving_fault_held_still_goes_through_those_behind_it() -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=1), Latency(delay_s=5))
    flow.put(b"abc")
    held_bytes = flow.chain.held_bytes
    flow.change(Latency(delay_s=5))
    assert not flow.departures
    assert flow.chain.held_bytes == held_bytes
    flow.run_dry()
    assert (flow.bytes_out, flow.now) == (b"abc", 5.0)


def test_equals_may_change_places_without_reordering_bytes() -> None:
    near, far = Latency(delay_s=1, name="near"), Latency(delay_s=5, name="far")
    flow = Flow.under(near, far)
    flow.put(b"a")
    flow.wait_until(2.0)  # "a" is in the second by now
    flow.put(b"b")
    flow.change(far, near)
    flow.put(b"c")
    flow.run_dry()
    assert flow.bytes_out == b"abc"


def test_removing_the_first_of_two_equals_with_names_keeps_the_state_of_the_other() -> None:
    flow = Flow.under(Latency(delay_s="100s", name="a"), Latency(delay_s=1, name="b"))
    flow.put(b"x")
    flow.change(Latency(delay_s=1, name="b"))
    flow.run_dry()
    assert flow.now == 1.0


def test_nothing_follows_an_abort() -> None:
    flow = Flow.under(Terminate(probability=1.0))
    flow.put(b"x")
    flow.chain.put(b"y", flow.now)
    flow.chain.put_eof(flow.now)
    flow.chain.change(Faults(Latency(delay_s=1)), flow.now)
    assert flow.take() == []
    assert flow.chain.faults == Faults(Latency(delay_s=1))
    assert not flow.chain.is_calm  # it is over: going around it would let bytes through


def test_nothing_is_taken_in_while_a_close_is_under_way() -> None:
    decisions: list[Decision] = []
    flow = Flow.under(LimitData(size_bytes=1), Freeze(is_on=True), on_decision=decisions.append)
    flow.put(b"xy")
    flow.change(Corrupt(probability=1.0), Freeze(is_on=True))  # what closed is gone
    count = len(decisions)
    flow.put(b"z")
    flow.put_eof()
    flow.put_reset()
    assert len(decisions) == count
    flow.change()
    assert [d.action for d in flow.departures] == [b"x", Close("data limit")]


def test_nothing_follows_a_close() -> None:
    flow = Flow.under(LimitData(size_bytes=1))
    flow.put(b"xy")
    flow.put(b"z")
    flow.put_eof()
    flow.change(Latency(delay_s=1))
    assert [d.action for d in flow.departures] == [b"x", Close("data limit")]


def test_a_connection_is_reset_only_once() -> None:
    flow = Flow.under(Terminate(probability=1.0), Terminate(probability=1.0))
    flow.put(b"x" * 100_000)  # struck many times
    assert [d.action for d in flow.departures] == [Abort("terminated")]


def test_switching_one_fault_on_does_not_change_what_another_draws() -> None:
    def struck(*others: object) -> list[int]:
        flow = Flow.under(Corrupt(probability=0.3), *others, seed=11)  # type: ignore[arg-type]
        for _ in range(100):
            flow.put(b"x")
        return [len(piece) for piece in flow.pieces]

    alone = struck()
    assert max(alone) > 1
    assert struck(Terminate(probability=1e-9)) == alone
    assert struck(Corrupt(probability=1e-9, name="other")) == alone


def test_a_fault_that_comes_back_draws_on_and_repeats_no_draw() -> None:
    flow = Flow.under(Corrupt(probability=1.0), seed=11)
    flow.put(b"x")
    flow.change()
    flow.change(Corrupt(probability=1.0))
    flow.put(b"x")
    first, second = flow.pieces
    assert first != second


def test_two_connections_do_not_fail_at_the_same_operation() -> None:
    def failed_at(connection: int) -> int:
        chain = Chain(Faults(Terminate(probability=0.01)), Dice(1).branch(f"connection {connection}"), 0.0)
        operations = 0
        while True:
            chain.put(b"x", 0.0)
            operations += 1
            if chain.take(0.0) == [Abort("terminated")]:
                return operations

    assert len({failed_at(connection) for connection in range(10)}) > 5


def test_what_latency_holds_is_under_way_and_what_a_throttle_holds_is_not() -> None:
    flow = Flow.under(Throttle(rate_bytes_per_s=100), Latency(delay_s=1))
    flow.put(b"x" * 1000)
    assert flow.chain.in_flight_bytes == 0 < flow.chain.held_bytes
    flow.wait_until(0.5)
    assert 0 < flow.chain.in_flight_bytes < flow.chain.held_bytes
    flow.run_dry()
    assert flow.chain.in_flight_bytes == 0


def test_it_says_whether_bytes_are_cut_and_whether_they_are_under_way() -> None:
    flow = Flow.under(Latency(delay_s=1))
    assert (flow.chain.is_slicing, flow.chain.has_latency) == (False, True)
    flow.change(Slice(size_bytes=1))
    assert (flow.chain.is_slicing, flow.chain.has_latency) == (True, False)


def test_a_reset_queues_behind_the_bytes_and_behind_eof() -> None:
    flow = Flow.under(Latency(delay_s=1))
    flow.put(b"x")
    flow.put_eof()
    flow.put_reset()
    flow.run_dry()
    assert [departure.action for departure in flow.departures] == [b"x", EOF, RESET]


def test_an_opening_and_the_beginning_of_a_read_are_operations() -> None:
    for note in (Chain.open, Chain.begin_read):
        flow = Flow.under(Terminate(probability=1.0))
        note(flow.chain, 0.0)
        flow.take()
        assert flow.ended == Abort("terminated")


def test_it_is_as_full_as_the_fullest_of_its_queues() -> None:
    flow = Flow.under(
        Throttle(rate_bytes_per_s=1, queue_bytes=100), Throttle(rate_bytes_per_s=1, queue_bytes=10, name="2")
    )
    assert flow.chain.fullness == 0
    flow.put(b"x" * 50)
    assert flow.chain.fullness == pytest.approx(0.5)


def test_a_hold_that_no_sender_feels_fills_no_queue() -> None:
    flow = Flow.under(Freeze(is_on=True))
    flow.put(b"x")
    assert flow.chain.fullness == 0 < flow.chain.held_bytes


def test_more_than_a_rate_allows_at_once_goes_through_it() -> None:
    chain = Flow.under(Throttle(rate_bytes_per_s=1e6)).chain
    assert not chain.admits(1)
    chain.take(0.0)
    assert [chain.admits(100) for _ in range(3)] == [True, True, False]


def pieces_of(flow: Flow) -> list[bytes]:
    return [each.action for each in flow.departures if isinstance(each.action, bytes)]


def test_reads_that_no_stage_would_touch_go_around_it_and_count() -> None:
    flow = Flow.under(Slice(size_bytes=100), Terminate(probability=1e-9))
    flow.take()
    assert flow.chain.admits(100)
    assert not flow.chain.admits(101)
    flow.put(b"x" * 101)  # the stages learn of the one that went around
    flow.run_dry()
    assert [len(piece) for piece in pieces_of(flow)] == [100, 1]


def test_without_stages_nothing_is_asked_and_nothing_goes_around() -> None:
    bypass = Bypass()
    bypass.refill([], now=0.0)
    assert not bypass.is_open
    assert not bypass.admits(1)
    bypass.flush([])


def test_a_chain_that_is_closed_holds_no_stage() -> None:
    flow = Flow.under(Latency(delay_s=1), on_decision=lambda decision: None)
    flow.put(b"x")
    for _ in range(2):
        flow.chain.close()
        assert flow.chain.held_bytes == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseAtOpening(Toxic):
    """Close the connection as soon as it is open, behind what others hold."""

    order: ClassVar[StageOrder] = StageOrder.ALTER

    def stage(self, dice: Dice, now: float) -> Stage[Any]:
        return CloseAtOpeningStage(self, dice)


class CloseAtOpeningStage(Stage[CloseAtOpening]):
    may_wait = False

    def open(self, now: float) -> None:
        self.close("early", now)

    def put(self, data: bytes, now: float) -> None: ...


def test_what_the_opening_leaves_to_be_held_leaves_in_time() -> None:
    chain = Chain(Faults(CloseAtOpening(), Latency(delay_s=1.0)), Dice(1), now=0.0)
    chain.open(0.0)
    assert (chain.take(0.0), chain.wake_at()) == ([], 1.0)
    assert chain.take(1.0) == [Close("early")]
