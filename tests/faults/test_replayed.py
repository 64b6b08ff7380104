"""Replayed: the same decisions at the same bytes, however the stream is cut this time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.flows import Flow
from tests.faults.mixtures import EVERY, any_faults, names, probabilities
from trixter.errors import SettingError
from trixter.faults import (
    EOF,
    Abort,
    Chain,
    Close,
    Corrupt,
    Decision,
    Effect,
    Fault,
    Faults,
    Latency,
    Slice,
    Throttle,
)
from trixter.faults.actions import Moment, Place
from trixter.faults.replayed import Replayed, replayed

SEED = 7

small = st.binary(min_size=1, max_size=200)
large = st.integers(1, 40_000).map(lambda size: b"x" * size)
insertions = st.builds(Corrupt, probability=probabilities, name=names)
# Cut into bytes, or at a byte a second, 16 KiB of noise would be 16,000 pieces.
coarse = st.lists(
    st.one_of(insertions, *(EVERY[name] for name in ("corrupt", "terminate", "latency"))), max_size=5
)


def pieces_of(payload: bytes, cutting: list[int]) -> list[bytes]:
    pieces, rest = [], payload
    for size in cutting:
        pieces.append(rest[:size])
        rest = rest[size:]
    return [piece for piece in [*pieces, rest] if piece]


def run(flow: Flow, pieces: list[bytes], change: tuple[int, Faults] | None = None) -> Flow:
    """Put the pieces in with all time between them; change the faults before one of them."""
    for nth, piece in enumerate(pieces):
        if change is not None and nth == change[0]:
            flow.change(*change[1])
        flow.wait_until(flow.now + 1e7)
        flow.other.forwarded_bytes += nth % 2  # every other piece begins a message
        flow.put(piece)
    flow.wait_until(flow.now + 1e7)
    flow.put_eof()
    flow.wait_until(flow.now + 1e7)
    flow.run_dry()
    if isinstance(flow.ended, Abort):
        return flow
    flow.change()  # what a freeze of the record held
    return flow


def record(
    faults: Faults, pieces: list[bytes], change: tuple[int, Faults] | None = None
) -> tuple[Flow, list[Decision]]:
    decisions: list[Decision] = []
    return run(Flow.under(*faults, seed=SEED, on_decision=decisions.append), pieces, change), decisions


def replay(
    decisions: list[Decision], pieces: list[bytes], length: int | None = None
) -> tuple[Flow, list[Decision]]:
    made: list[Decision] = []
    flow = Flow.under(*replayed(decisions, SEED, length), seed=99, on_decision=made.append)
    return run(flow, pieces), made


def assert_replayed(
    faults: Faults, others: st.SearchStrategy[Iterable[Fault]], payload: bytes, data: st.DataObject
) -> None:
    sizes = st.lists(st.integers(1, len(payload)), max_size=12)
    first, second = (pieces_of(payload, data.draw(sizes)) for _ in range(2))
    change = data.draw(st.none() | st.tuples(st.integers(0, 3), others.map(lambda each: Faults(*each))))
    recorded, decisions = record(faults, first, change)
    repeated, made = replay(decisions, second)
    assert repeated.ended == recorded.ended
    if isinstance(recorded.ended, Abort):
        # A reset drops what is held and the rest of its read, which may be more or less this time.
        shorter, longer = sorted((repeated.bytes_out, recorded.bytes_out), key=len)
        assert longer.startswith(shorter)
        assert Counter(map(repr, summary(made))) <= Counter(map(repr, summary(decisions)))
        assert {each.offset_bytes for each in made if each.effect is Effect.RESET} == {
            each.offset_bytes for each in decisions if each.effect is Effect.RESET
        }
    else:
        assert repeated.bytes_out == recorded.bytes_out
        assert summary(made) == summary(decisions)


def summary(decisions: list[Decision]) -> list[tuple[object, ...]]:
    """Return decisions without the moment, by stage: a replay has the stages of all times at once."""
    by_stage = sorted(decisions, key=lambda each: each.place)
    return [(each.kind, each.effect, each.offset_bytes, each.detail) for each in by_stage]


@pytest.mark.parametrize("kind", EVERY)
@given(data=st.data(), payload=small)
def test_each_fault_does_the_same_at_the_same_bytes(kind: str, data: st.DataObject, payload: bytes) -> None:
    assert_replayed(Faults(data.draw(EVERY[kind])), any_faults, payload, data)


@given(any_faults, small, st.data())
def test_and_so_does_every_mixture_of_them(faults: Faults, payload: bytes, data: st.DataObject) -> None:
    assert_replayed(faults, any_faults, payload, data)


@given(coarse, large, st.data())
def test_noise_and_strikes_of_large_reads_are_at_the_same_bytes(
    faults: list[Fault], payload: bytes, data: st.DataObject
) -> None:
    assert_replayed(Faults(*faults), coarse, payload, data)


def test_a_delay_is_that_of_the_recorded_byte() -> None:
    _, decisions = record(Faults(Latency(delay_s=1, jitter_s=1)), [b"ab", b"cd"])
    delays_s = [each.detail["delay_s"] for each in decisions[:2]]
    flow = Flow.under(*replayed(decisions, SEED))
    assert flow.chain.has_latency
    for piece, delay_s in ((b"a", delays_s[0]), (b"b", delays_s[0]), (b"cd", delays_s[1])):
        flow.put(piece)
        began_at = flow.now
        flow.run_dry()
        assert flow.now == began_at + delay_s
    assert flow.pieces == [b"a", b"b", b"cd"]


def decided(effect: Effect, at: int, moment: Moment = Moment.BYTE, **detail: object) -> Decision:
    """Return a decision of a fault of order 1."""
    return Decision(
        kind="corrupt",
        effect=effect,
        offset_bytes=at,
        moment=moment,
        detail=detail,
        place=Place(1, 1),
        input_bytes=at,
    )


@pytest.mark.parametrize(
    ("decisions", "length_bytes", "sent", "left_at"),
    [
        ([decided(Effect.FLIP, 2, bytes=[(0, ord("c"), 0)])], None, b"abc", None),
        ([decided(Effect.FLIP, 2, bytes=[(0, ord("x"), 0)])], None, b"abc", 2),
        ([decided(Effect.RESET, 4, reason="terminated")], None, b"abc", 3),
        ([decided(Effect.RESET, 3, Moment.END, reason="terminated")], None, b"abcd", 4),
        ([], 3, b"abc", None),
        ([], 2, b"abc", 2),
        ([], 4, b"abc", 3),
    ],
)
def test_a_source_that_differs_from_the_record_is_noticed_at_its_byte(
    decisions: list[Decision], length_bytes: int | None, sent: bytes, left_at: int | None
) -> None:
    made = replay(decisions, [sent], length_bytes)[1]
    diverged = [each.offset_bytes for each in made if each.effect is Effect.DIVERGE]
    assert diverged == ([] if left_at is None else [left_at])


def test_after_a_loss_of_all_that_follows_nothing_leaves_but_the_end() -> None:
    flow, made = replay([decided(Effect.LOSE, 3)], [b"ab", b"cd", b"ef"])
    assert (flow.bytes_out, flow.ended) == (b"abc", EOF)
    assert [(each.effect, each.offset_bytes) for each in made] == [(Effect.LOSE, 3)]
    with pytest.raises(SettingError, match="kind must be one of"):
        Replayed(decisions=(replace(decided(Effect.LOSE, 3), kind="quake"),))


def test_a_connection_is_closed_behind_the_recorded_byte_and_bytes_are_lost_from_theirs() -> None:
    lost = decided(Effect.LOSE, 1, size_bytes=3)
    closed = decided(Effect.CLOSE, 6, reason="limit")
    flow, _ = replay([lost, closed], [b"ab", b"cd", b"ef", b"gh"])
    assert (flow.bytes_out, flow.ended) == (b"aef", Close("limit"))


@pytest.mark.parametrize(
    ("effect", "detail", "ended"),
    [
        (Effect.RESET, {"reason": "sweep", "behind": True}, Close("sweep", reset=True)),
        (Effect.CLOSE, {"reason": "sweep"}, Close("sweep")),
        (Effect.HALF_CLOSE, {}, EOF),
    ],
)
def test_an_end_behind_a_byte_comes_when_that_byte_does(
    effect: Effect, detail: dict[str, Any], ended: object
) -> None:
    flow = Flow.under(*replayed([decided(effect, 3, **detail)], SEED))
    flow.put(b"abc")
    assert flow.ended is None
    flow.put(b"def")
    flow.put_eof()
    assert (flow.bytes_out, flow.ended) == (b"abc", ended)


def test_reads_before_the_next_decision_go_around_it() -> None:
    flow = Flow.under(*replayed([decided(Effect.LOSE, 100, size_bytes=10)], SEED, 200))
    flow.take()
    assert flow.chain.admits(99)
    assert not flow.chain.admits(1)
    flow.put(b"x" * 5)
    assert not flow.chain.admits(1)  # these are lost
    flow.put(b"x" * 6)
    assert flow.chain.admits(90)
    assert not flow.chain.admits(1)


def test_what_is_held_is_counted_and_slows_the_sender_down() -> None:
    _, decisions = record(Faults(Throttle(rate_bytes_per_s=100)), [b"x" * 100])
    flow = Flow.under(*replayed(decisions[:1], SEED))
    assert flow.chain.most_read_bytes == Throttle(rate_bytes_per_s=100).most_queued_bytes / 2
    flow.put(b"x" * 70_000)
    assert flow.chain.held_bytes >= 69_000
    assert flow.chain.fullness > 1


def test_slices_are_segments_again() -> None:
    _, decisions = record(Faults(Slice(size_bytes=10)), [b"x" * 100])
    assert Flow.under(*replayed(decisions, SEED)).chain.is_slicing


def test_without_a_decision_there_is_nothing_to_repeat() -> None:
    assert not replayed([], SEED)
    assert Replayed(length_bytes=0).is_off is False


@pytest.mark.parametrize(
    ("kind", "detail"), [("quake", {"x": 1}), ("slice", {"size_bytes": "ten"}), ("slice", {"width": 1})]
)
def test_settings_that_no_fault_has_are_refused(kind: str, detail: dict[str, object]) -> None:
    wrong = Decision(
        kind=kind,
        effect=Effect.SET,
        offset_bytes=0,
        moment=Moment.BYTE,
        detail=detail,
        place=Place(3, 1),
        input_bytes=0,
    )
    with pytest.raises(SettingError):
        replayed([wrong], SEED)


@pytest.mark.parametrize("note", [Chain.open, Chain.begin_read])
def test_a_reset_before_the_first_byte_is_one_again(note: Callable[[Chain, float], None]) -> None:
    for moment, ended in ((Moment.REACHED, Abort("terminated")), (Moment.BYTE, None)):
        flow = Flow.under(*replayed([decided(Effect.RESET, 0, moment, reason="terminated")], SEED))
        note(flow.chain, 0.0)
        flow.take()
        assert flow.ended == ended


def test_a_delay_and_settings_may_follow_one_another_in_one_stage() -> None:
    slices = replace(decided(Effect.SET, 2, size_bytes=1), kind="slice")
    whole = replace(decided(Effect.SET, 6, size_bytes=9), kind="slice")
    held = decided(Effect.HOLD, 8, delay_s=1.0)
    flow = Flow.under(*replayed([slices, whole, held], SEED))
    for _ in range(5):
        flow.put(b"xy")
    flow.take()
    assert flow.pieces == [b"xy", b"x", b"y", b"x", b"y", b"xy"]
    assert flow.chain.held_bytes
    flow.change()
    assert flow.bytes_out == b"xy" * 5


def test_flips_that_a_file_has_twice_or_in_no_order_end_all_the_same() -> None:
    twice = decided(Effect.FLIP, 1, bytes=[(3, 0, 1), (0, 0, 1), (0, 0, 2)])
    flow, _ = replay([twice, decided(Effect.FLIP, 2, bytes=[(0, 0, 1)])], [bytes(10)])
    assert len(flow.bytes_out) == 10


def test_reads_around_are_told_to_the_stage_that_follows_settings() -> None:
    slices = replace(decided(Effect.SET, 1, size_bytes=5), kind="slice")
    flow = Flow.under(*replayed([slices], SEED))
    flow.put(b"xyz")
    assert flow.chain.admits(5)
    flow.put(b"123456")
    assert flow.pieces == [b"x", b"yz", b"12345", b"6"]
