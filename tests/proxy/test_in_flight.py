"""Bytes under way may exceed a direction's limit, as far as the memory that all share goes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trixter.proxy.memory import InFlightMemory, InFlightShare


def test_what_is_under_way_is_lent_and_given_back() -> None:
    pool = InFlightMemory(100)
    loan = InFlightShare(pool)
    assert loan.adjust(60, 60, 1000) == 60
    assert pool.free_bytes == 40
    assert loan.adjust(20, 20, 1000) == 20
    assert pool.free_bytes == 80


def test_a_queue_is_lent_nothing() -> None:
    pool = InFlightMemory(100)
    assert InFlightShare(pool).adjust(0, 80, 1000) == 0
    assert pool.free_bytes == 100


def test_what_was_under_way_and_waits_for_its_sink_is_still_lent() -> None:
    pool = InFlightMemory(100)
    loan = InFlightShare(pool)
    loan.adjust(60, 60, 1000)
    assert loan.adjust(10, 50, 1000) == 50
    assert loan.adjust(0, 0, 1000) == 0
    assert pool.free_bytes == 100


def test_nobody_gets_more_than_there_is() -> None:
    pool = InFlightMemory(100)
    one, another = InFlightShare(pool), InFlightShare(pool)
    assert one.adjust(70, 70, 1000) == 70
    assert another.adjust(70, 70, 1000) == 30
    one.adjust(0, 0, 1000)
    assert another.adjust(70, 70, 1000) == 70


def test_nothing_is_lent_that_memory_does_not_have() -> None:
    pool = InFlightMemory(100)
    loan = InFlightShare(pool)
    assert loan.adjust(60, 60, 40) == 40
    assert loan.adjust(60, 60, 10) == 50
    assert loan.adjust(60, 60, 0) == 50
    assert pool.free_bytes == 50


amounts = st.integers(0, 200)


@given(st.lists(st.tuples(st.integers(0, 2), amounts, amounts)))
def test_it_is_never_overdrawn_and_nothing_is_lost(steps: list[tuple[int, int, int]]) -> None:
    pool = InFlightMemory(100)
    loans = [InFlightShare(pool) for _ in range(3)]
    for which, under_way, queued in steps:
        assert 0 <= loans[which].adjust(under_way, under_way + queued, 1000) <= under_way + queued
        assert pool.free_bytes >= 0
        assert pool.free_bytes + sum(loan.lent_bytes for loan in loans) == 100
