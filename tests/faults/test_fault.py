"""The contract of a stage, shown on the smallest faults there could be."""

from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

import pytest

from tests.faults.flows import Flow
from trixter.errors import SettingError
from trixter.faults import (
    EOF,
    Abort,
    Chain,
    Close,
    Corrupt,
    Decision,
    Dice,
    Direction,
    Effect,
    Fault,
    Faults,
    Freeze,
    Latency,
    Slice,
    Stage,
    StageOrder,
    Terminate,
    Throttle,
)
from trixter.faults.fault import PIECE_OVERHEAD_BYTES, HoldingStage, kind_name, settings_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Transparent(Fault):
    """Do nothing, but be there."""

    order: ClassVar[StageOrder] = StageOrder.ALTER

    def _check(self) -> None: ...

    @property
    def is_off(self) -> bool:
        return False

    def stage(self, dice: Dice, now: float) -> Stage[Any]:
        return TransparentStage(self, dice)


class TransparentStage(Stage[Transparent]):
    def put(self, data: bytes, now: float) -> None:
        if data == b"abort":
            self.abort("asked")
        elif data == b"close":
            self.close("asked", now)
        elif data == b"follow":
            self.follow_settings()
            self.next.put(data, now)
        else:
            self.next.put(data, now)


def test_a_stage_that_only_puts_keeps_the_whole_contract() -> None:
    flow = Flow.under(Transparent())
    flow.put(b"x")
    flow.change(Transparent(), Latency(delay_s=1))
    flow.put(b"y")
    flow.change(Latency(delay_s=1))
    flow.change(Transparent(), Latency(delay_s=1))
    flow.put(b"z")
    flow.put_eof()
    flow.run_dry()
    assert flow.bytes_out == b"xyz"
    assert flow.ended == EOF


def test_pieces_put_together_are_put_one_after_another() -> None:
    flow = Flow.under(Slice(size_bytes=2), Throttle(rate_bytes_per_s=2))
    flow.put(b"aabbc")  # a slicer puts all its slices at once; a throttle takes what comes
    flow.run_dry()
    assert flow.bytes_out == b"aabbc"
    assert [d.at for d in flow.departures] == sorted(d.at for d in flow.departures)


def test_an_abort_goes_past_everything_that_is_held() -> None:
    flow = Flow.under(Transparent(), Throttle(rate_bytes_per_s=1), Latency(delay_s=10))
    flow.put(b"held")
    flow.put(b"abort")
    assert [d.action for d in flow.departures] == [Abort("asked")]


@pytest.mark.parametrize(
    "fault",
    [Latency(delay_s=1), Throttle(rate_bytes_per_s=1), Slice(size_bytes=1, gap_s=1), Freeze(is_on=True)],
)
def test_held_bytes_counts_the_bytes_and_what_keeping_them_costs(fault: Fault) -> None:
    chain = Chain(Faults(fault), Dice(1), 0.0)
    chain.put(b"a", 0.0)  # a slicer passes the first at once
    chain.take(0.0)
    before = chain.held_bytes
    chain.put(b"x" * 1000, 0.0)
    chain.put_eof(0.0)
    assert chain.held_bytes - before == 1000 + 2 * PIECE_OVERHEAD_BYTES
    chain.change(Faults(), 0.0)
    assert chain.held_bytes == 0


def test_what_has_left_of_a_piece_is_not_counted_any_more() -> None:
    flow = Flow.under(Slice(size_bytes=100, gap_s=1))
    flow.put(b"x" * 1000)
    assert flow.chain.held_bytes == 900 + PIECE_OVERHEAD_BYTES
    flow.wait_until(4.5)
    assert flow.chain.held_bytes == 500 + PIECE_OVERHEAD_BYTES
    flow.change()
    assert [len(piece) for piece in flow.pieces] == [100] * 5 + [500]


def test_single_bytes_cost_what_they_cost() -> None:
    chain = Chain(Faults(Latency(delay_s=1)), Dice(1), 0.0)
    for _ in range(100):
        chain.put(b"x", 0.0)
    assert chain.held_bytes >= 100 * PIECE_OVERHEAD_BYTES


def test_a_name_must_be_text() -> None:
    with pytest.raises(SettingError) as caught:
        Latency(name=7)  # type: ignore[arg-type]
    assert (caught.value.name, caught.value.value) == ("name", 7)


def test_a_stage_that_says_nothing_about_it_lets_nothing_around() -> None:
    chain = Chain(Faults(Latency(delay_s=1)), Dice(1), 0.0)
    chain.take(0.0)
    assert not chain.admits(1)


def test_what_went_around_a_stage_need_not_concern_it() -> None:
    flow = Flow.under(Slice(size_bytes=100))
    flow.take()
    assert flow.chain.admits(100)
    flow.put(b"x" * 101)
    assert [len(piece) for piece in flow.pieces] == [100, 1]


def test_a_stage_that_says_nothing_about_it_passes_on_an_opening_and_the_beginning_of_a_read() -> None:
    for note in (Chain.open, Chain.begin_read):
        flow = Flow.under(Transparent(), Terminate(probability=1.0))
        note(flow.chain, 0.0)
        flow.take()
        assert flow.ended == Abort("terminated")


def test_a_stage_that_says_nothing_about_it_slows_no_sender_down() -> None:
    flow = Flow.under(Latency(delay_s=1))
    flow.put(b"x" * 1_000_000)
    assert flow.chain.fullness == 0
    assert flow.chain.most_read_bytes == inf


def test_pieces_that_are_held_together_leave_together_and_are_counted_one_by_one() -> None:
    flow = Flow.under(Slice(size_bytes=2), Latency(delay_s=1))
    flow.put(b"aabbc")
    assert flow.chain.held_bytes == 5 + 3 * PIECE_OVERHEAD_BYTES
    flow.wait_until(1)
    assert (flow.pieces, flow.chain.held_bytes) == ([b"aa", b"bb", b"c"], 0)


class QueueStage(HoldingStage[Transparent]):
    """Holds what is put in until it is one second."""

    def put(self, data: bytes, now: float) -> None:
        self._hold(data)

    def release(self, now: float) -> None:
        if now >= 1.0:
            self.drain(now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued(Transparent):
    """Hold everything until it is one second."""

    def stage(self, dice: Dice, now: float) -> Stage[Any]:
        return QueueStage(self, dice)


def test_an_end_waits_behind_what_is_queued_and_for_nothing_else() -> None:
    flow = Flow.under(Queued())
    flow.put(b"x")
    flow.put_eof()
    assert flow.departures == []
    waiting = Chain(Faults(Queued()), Dice(1), 0.0)
    waiting.put(b"x", 0.0)
    waiting.put_eof(1.0)
    assert waiting.take(1.0) == [b"x", EOF]
    empty = Chain(Faults(Queued()), Dice(1), 0.0)
    empty.put_eof(0.0)
    assert empty.take(0.0) == [EOF]


def test_what_a_stage_does_is_decided_before_it_leaves() -> None:
    decisions: list[Decision] = []
    flow = Flow.under(Transparent(), on_decision=decisions.append)
    flow.put(b"x")
    for _ in range(2):
        flow.put(b"follow")
    flow.change(Transparent())  # equal settings
    flow.put(b"follow")
    flow.change()
    flow.change(Transparent())
    flow.change()  # it has done nothing
    flow.change(Transparent())
    flow.put(b"close")
    assert flow.ended == Close("asked")
    assert [(each.kind, each.effect, each.offset_bytes, each.detail) for each in decisions] == [
        ("transparent", Effect.SET, 1, {}),
        ("transparent", Effect.SET, 19, {}),
        ("transparent", Effect.CLOSE, 19, {"reason": "asked"}),
    ]


def test_a_stage_that_has_reset_behind_what_it_passed_on_decides_no_more() -> None:
    decisions: list[Decision] = []
    chain = Chain(Faults(Queued()), Dice(1), 0.0, on_decision=decisions.append)
    (stage,) = chain._stages.values()
    stage.close("asked", 0.0, reset=True)
    stage.close("again", 0.0)
    assert [(each.effect, each.detail) for each in decisions] == [
        (Effect.RESET, {"reason": "asked", "behind": True})
    ]
    assert chain.take(0.0) == [Close("asked", reset=True)]


def test_a_fault_fits_both_directions_unless_it_names_one() -> None:
    class Upstream(Transparent):
        direction = Direction.UPSTREAM

    assert [each for each in Direction if Transparent.fits(each)] == [*Direction]
    assert [each for each in Direction if Upstream.fits(each)] == [Direction.UPSTREAM]
    assert [each.opposite for each in Direction] == [*reversed(Direction)]


def test_a_name_of_a_kind_is_that_of_its_class() -> None:
    assert kind_name(Transparent) == "transparent"
    assert settings_of(Corrupt(probability=0.5, name="x")) == {"probability": 0.5, "mode": "insert"}
    assert Transparent().stage(Dice(1), 0.0).operations == 0
