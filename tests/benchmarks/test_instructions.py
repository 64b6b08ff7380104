"""Counts of instructions: reading them, scaling them, and holding them against the limits."""

from __future__ import annotations

import pytest

from benchmarks.instructions import (
    REFERENCE,
    REFERENCE_ROUNDS,
    ROUND_INSTRUCTIONS,
    Limit,
    read_count,
    report,
)

ONE = Limit("one of ten", "ten", 10, most=500)


def counted(total: int, *, round_instructions: int = ROUND_INSTRUCTIONS) -> dict[str, int]:
    """Return counts by a Python that takes so many instructions for a round of the reference."""
    return {REFERENCE: REFERENCE_ROUNDS * round_instructions, ONE.name: total}


@pytest.mark.parametrize(("total", "is_met"), [(5000, True), (5010, False)])
def test_a_limit_is_the_most_that_one_of_them_may_take(total: int, is_met: bool) -> None:
    assert report(counted(total), [ONE])[1] is is_met


def test_a_python_that_takes_half_as_many_for_all_it_does_changes_nothing() -> None:
    half = counted(2505, round_instructions=ROUND_INSTRUCTIONS // 2)
    assert report(half, [ONE])[1] is False
    assert report(half, [ONE])[0][1:] == report(counted(5010), [ONE])[0][1:]


def test_the_limit_that_is_not_met_is_named() -> None:
    lines, _ = report(counted(12_345_670), [ONE, Limit("without a limit", ONE.name, 10)])
    assert lines[1].split() == ["one", "of", "ten", "1,234,567", "at", "most", "500", "too", "many"]
    assert lines[2].split() == ["without", "a", "limit", "1,234,567"]


def test_a_count_has_the_name_that_the_program_gave_it() -> None:
    written = "version: 1\ndesc: Trigger: Client Request: ten\n\nevents: Ir\n0x1 5 3\n\ntotals: 5010\n"
    assert dict(read_count(written)) == {"ten": 5010}


def test_what_follows_the_last_count_is_none() -> None:
    assert not dict(read_count("desc: Trigger: Program termination\n\ntotals: 7\n"))
