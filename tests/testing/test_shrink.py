"""Shrinking, the deciding part: the search for a minimum, and decisions that are left out of a journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from errno import ENOTCONN

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.flows import Flow
from tests.faults.mixtures import EVERY
from trixter.control.journal import JournaledProxy, Strike
from trixter.faults import (
    NO_FAULTS,
    Corrupt,
    Decision,
    Direction,
    Effect,
    Faults,
    Freeze,
    Latency,
    Terminate,
)
from trixter.faults.actions import Moment, Place
from trixter.testing.shrink import CONFIRMATIONS, Deltas, Failure, Kept, Shrink, Verdict

SEED = 7


def searched(count: int, verdict_of: Callable[[Kept], Verdict]) -> tuple[Shrink, list[Kept]]:
    """Search to the end; return the search, and its runs."""
    shrink, runs = Shrink(count), []
    while (kept := shrink.next_run()) is not None:
        runs.append(kept)
        shrink.note(verdict_of(kept))
    return shrink, runs


def fails_with(*causes: set[int]) -> Callable[[Kept], Verdict]:
    return lambda kept: Verdict.FAILS if any(kept >= cause for cause in causes) else Verdict.PASSES


def lines(count: int, verdict_of: Callable[[Kept], Verdict]) -> list[str]:
    return searched(count, verdict_of)[0].lines([f"delta {number}" for number in range(count)])


@given(st.data(), st.integers(1, 300))
def test_just_what_is_needed_is_found_in_few_runs(data: st.DataObject, count: int) -> None:
    needed = data.draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=8))
    shrink, runs = searched(count, fails_with(needed))
    assert shrink.is_minimal
    assert shrink.kept == needed
    assert shrink.runs == len(runs)
    # At most so many pieces of each size are left, and twice as many were cut from those before.
    sizes = (count - 1).bit_length()
    assert len(runs) <= 2 + (2 * len(needed) + 1) * sizes + 2 * len(needed) + 3 * CONFIRMATIONS


@given(st.data(), st.integers(1, 40))
def test_of_several_causes_one_is_found_and_nothing_of_it_can_be_left_out(
    data: st.DataObject, count: int
) -> None:
    deltas = st.integers(0, count - 1)
    causes = data.draw(st.lists(st.sets(deltas, min_size=1, max_size=4), min_size=1, max_size=4))
    cures = data.draw(
        st.lists(st.tuples(deltas, deltas), max_size=4)
    )  # it passes with one, but not the other

    def verdict_of(kept: Kept) -> Verdict:
        is_cured = len(kept) < count and any(cure in kept and other not in kept for cure, other in cures)
        return Verdict.PASSES if is_cured else fails_with(*causes)(kept)

    shrink, _ = searched(count, verdict_of)
    assert verdict_of(shrink.kept) is Verdict.FAILS
    if len(shrink.kept) > 1:
        assert {verdict_of(shrink.kept - {each}) for each in shrink.kept} == {Verdict.PASSES}


def test_a_minimum_is_a_cause_if_the_test_passes_without_it() -> None:
    assert lines(41, fails_with({17})) == [
        "of 41 decisions 1 is enough: delta 17",
        "with it: fails 5 of 5; without it: passes 5 of 5",
    ]
    assert lines(3, fails_with({0, 2})) == [
        "of 3 decisions 2 are enough:",
        "  delta 0",
        "  delta 2",
        "with them: fails 5 of 5; without them: passes 5 of 5",
    ]
    assert lines(1, fails_with({0}))[1] == "with it: fails 5 of 5; without it: passes 5 of 5"


def test_a_second_cause_among_the_others_is_told() -> None:
    (_, proof) = lines(9, fails_with({2}, {7}))
    assert proof == "with it: fails 5 of 5; without it: fails 5 of 5; without any: passes 5 of 5"


def test_what_needs_no_decision_and_what_none_repeats_is_told_after_a_few_runs() -> None:
    assert lines(9, lambda kept: Verdict.FAILS) == [
        "of 9 decisions none is needed: without any, it fails 5 of 5"
    ]
    assert searched(9, lambda kept: Verdict.FAILS)[0].runs == 1 + CONFIRMATIONS
    assert lines(9, lambda kept: Verdict.HANGS) == ["run again with the same 9 decisions, it hangs 5 of 5"]


def test_an_outcome_that_varies_is_flaky_and_has_its_rate() -> None:
    of_minimum = iter([Verdict.FAILS] * 4 + [Verdict.DIFFERS, Verdict.FAILS])
    (_, proof) = lines(1, lambda kept: next(of_minimum) if kept else Verdict.PASSES)
    assert proof == "with it: fails 4 of 5, fails in another way 1 of 5 (flaky); without it: passes 5 of 5"


def test_what_is_known_can_be_told_at_any_time() -> None:
    shrink = Shrink(64)
    texts = [f"delta {number}" for number in range(64)]
    assert shrink.lines(texts) == ["of 64 decisions it is not known yet which are needed"]
    for verdict in (Verdict.FAILS, Verdict.PASSES, Verdict.FAILS):
        shrink.note(verdict)
    first, *listed = shrink.lines(texts)
    assert first == "of 64 decisions 32 are enough, and perhaps fewer:"
    assert listed[-1] == "  and 12 more"


def failure(exc: Exception, *, cause: Exception | None = None, elsewhere: bool = False) -> Failure:
    """Return the identity of an exception that is raised at one of two lines."""
    try:
        if elsewhere:
            raise exc from cause
        raise exc from cause
    except Exception as caught:
        return Failure.of(caught, __file__)


def test_a_failure_is_the_same_at_the_same_line_and_a_lost_connection_at_each() -> None:
    assert {
        failure(ConnectionResetError()),
        failure(BrokenPipeError(), elsewhere=True),
        failure(OSError(ENOTCONN, "not connected")),
        failure(ExceptionGroup("all", [BrokenPipeError(), ConnectionResetError()])),
        failure(ValueError("lost"), cause=BrokenPipeError()),
    } == {Failure(ConnectionError, 0)}
    others = [
        failure(AssertionError("one")),
        failure(AssertionError(), elsewhere=True),
        failure(TimeoutError()),
        failure(ExceptionGroup("some", [BrokenPipeError(), ValueError()])),
    ]
    assert len({*others, failure(AssertionError("another"))}) == len(others)


def recorded(
    faults: Faults, pieces: list[bytes], then: Faults = NO_FAULTS, proxies: Sequence[JournaledProxy] = ()
) -> Deltas:
    """Return the decisions of a stream, whose faults are replaced before its last piece."""
    strikes: list[Strike] = []

    def note(each: Decision) -> None:
        strikes.append(
            Strike(
                at_s=0.0,
                proxy=PROXY.name,
                connection=1,
                direction=Direction.UPSTREAM,
                **{name: getattr(each, name) for name in each.__dataclass_fields__},
            )
        )

    flow = Flow.under(*faults, seed=SEED, on_decision=note)
    for nth, piece in enumerate(pieces):
        if nth == len(pieces) - 1:
            flow.change(*then)
        flow.put(piece)
        flow.wait_until(flow.now + 10)
    flow.change()
    flow.put_eof()
    return Deltas([PROXY, *proxies], strikes)


def replayed(deltas: Deltas, kept: Kept, payload: bytes) -> bytes:
    """Return what leaves in a replay."""
    flow = Flow.under(*deltas.replays(kept)[PROXY.name].faults(1, Direction.UPSTREAM))
    flow.put(payload)
    flow.put_eof()
    flow.run_dry()
    return flow.bytes_out


def growing(deltas: Deltas) -> set[int]:
    """Return the deltas that insert something."""
    return {
        each for each in range(len(deltas)) if deltas.strikes(frozenset([each]))[0].effect is Effect.INSERT
    }


PROXY = JournaledProxy("proxy 1", SEED, "127.0.0.1:1")

insertions = st.builds(
    Corrupt, probability=st.sampled_from([0.1, 0.5]), name=st.sampled_from(["", "second", "third"])
)
others = st.one_of(*(EVERY[name] for name in ("corrupt", "terminate", "latency", "freeze")))
mixtures = st.tuples(st.lists(insertions, max_size=3), st.lists(others, max_size=3)).map(
    lambda faults: Faults(*faults[0], *faults[1])
)
several = st.lists(st.binary(min_size=1, max_size=20), min_size=2, max_size=6)


@given(mixtures, several, mixtures)
def test_without_what_was_inserted_each_decision_is_at_the_byte_that_its_source_sent(
    faults: Faults, pieces: list[bytes], then: Faults
) -> None:
    deltas = recorded(faults, pieces, then)
    left = deltas.strikes(frozenset(range(len(deltas))) - growing(deltas))
    assert [each.input_bytes for each in left] == [each.offset_bytes for each in left]


@given(mixtures, several, mixtures, st.data())
def test_deltas_can_be_left_out_one_after_another_or_at_once(
    faults: Faults, pieces: list[bytes], then: Faults, data: st.DataObject
) -> None:
    deltas = recorded(faults, pieces, then)
    each_delta = range(len(deltas))
    first = data.draw(st.sets(st.sampled_from(each_delta)) if each_delta else st.just(set()))
    second = data.draw(st.sets(st.sampled_from(sorted(first))) if first else st.just(set()))
    less = Deltas([PROXY], deltas.strikes(frozenset(first)))
    assert len(less) == len(first)
    numbers = frozenset(nth for nth, each in enumerate(sorted(first)) if each in second)
    assert less.strikes(numbers) == deltas.strikes(frozenset(second))


def test_a_replay_has_what_is_left_and_nothing_else() -> None:
    pieces = [b"one", b"two", b"three"]
    payload = b"".join(pieces)
    twice = Faults(Corrupt(probability=0.7), Corrupt(probability=0.7, name="second"))
    deltas = recorded(twice, pieces, Faults(Terminate(probability=1.0)))
    assert replayed(deltas, frozenset(), payload) == payload
    assert len(growing(deltas)) > 3
    for each in growing(deltas):
        alone = replayed(deltas, frozenset([each]), payload)
        (strike,) = deltas.strikes(frozenset([each]))
        at, size_bytes = strike.offset_bytes, strike.detail["size_bytes"]
        assert alone[:at] + alone[at + size_bytes :] == payload
    (reset,) = set(range(len(deltas))) - growing(deltas)
    assert replayed(deltas, frozenset([reset]), payload) == b"onetwo"


def made(effect: Effect, stage: int, input_bytes: int, **detail: object) -> Strike:
    return Strike(
        at_s=0.0,
        proxy=PROXY.name,
        connection=1,
        direction=Direction.UPSTREAM,
        kind="fault",
        effect=effect,
        offset_bytes=0,
        detail=detail,
        moment=Moment.BYTE,
        place=Place(stage, 1),
        input_bytes=input_bytes,
    )


def test_noise_that_is_left_out_moves_what_is_behind_it_and_not_what_is_before_it() -> None:
    strikes = [
        made(Effect.INSERT, 1, 10, size_bytes=100),
        made(Effect.INSERT, 2, 5, size_bytes=50),
        *(made(Effect.HOLD, 3, at, delay_s=at) for at in (5, 30, 60, 61, 110, 160, 170)),
    ]
    # The first is from byte 60 to 160 of what the last stage takes in, and the second from 5 to 55.
    deltas = Deltas([PROXY], strikes)
    without_first, without_second, without_both = (
        [each.input_bytes for each in deltas.strikes(frozenset(range(9)) - left_out)[-7:]]
        for left_out in ({0}, {1}, {0, 1})
    )
    assert without_first == [5, 30, 60, 60, 60, 60, 70]
    assert without_second == [5, 5, 10, 11, 60, 110, 120]
    assert without_both == [5, 5, 10, 10, 10, 10, 20]


def test_noise_within_noise_cuts_it_and_lost_bytes_of_it_are_missing_no_more() -> None:
    strikes = [
        made(Effect.INSERT, 1, 10, size_bytes=100),
        made(Effect.INSERT, 2, 40, size_bytes=50),  # 30 B of the noise before it, and 70 B behind it
        made(Effect.LOSE, 2, 60, size_bytes=20),
        *(made(Effect.HOLD, 3, at, delay_s=at) for at in (20, 60, 100, 130, 140, 150)),
    ]
    deltas = Deltas([PROXY], strikes)
    without_first, without_both, without_all = (
        [each.input_bytes for each in deltas.strikes(frozenset(range(9)) - left_out)[-6:]]
        for left_out in ({0}, {0, 1}, {0, 1, 2})
    )
    assert without_first == [10, 30, 60, 60, 60, 70]
    assert without_both == [10, 10, 10, 10, 10, 20]
    assert without_all == without_both


def test_a_delay_that_is_left_out_is_none_and_settings_are_left_out_with_their_end() -> None:
    jitter = Faults(Latency(delay_s=1.0, jitter_s=0.5), Freeze(is_on=True))
    deltas = recorded(jitter, [b"one", b"two", b"three", b"four"], Faults())
    assert deltas.texts()[0] == "latency, connection 1, upstream, byte 0"
    assert [each.split(",")[0] for each in deltas.texts()] == ["latency", "freeze", "latency", "latency"]
    (first, freeze, *_) = range(len(deltas))
    delays = [each.detail["delay_s"] for each in deltas.strikes(frozenset([first]))]
    assert delays == [pytest.approx(1.0, abs=0.5), 0.0]
    assert [bool(each.detail) for each in deltas.strikes(frozenset([freeze]))] == [True, False]


def test_a_delta_names_its_proxy_if_there_are_several() -> None:
    late = Faults(Latency(delay_s=1.0))
    deltas = recorded(late, [b"one"], late, [JournaledProxy("proxy 2", SEED, "127.0.0.1:2")])
    assert deltas.texts() == ["latency, proxy 1, connection 1, upstream, byte 0"]
