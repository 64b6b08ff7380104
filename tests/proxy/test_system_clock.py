"""A stamp of the system's clock is as old as it is, or of no known age."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trixter.proxy.system_clock import ROUNDING_S, SystemClock

AHEAD_S = 1.8e9


def clock_read_at(now: float) -> SystemClock:
    clock = SystemClock()
    clock.compare(now, now + AHEAD_S, now)
    return clock


def age_of(clock: SystemClock, made_at: float, *, now: float, ahead_s: float = AHEAD_S) -> float:
    """Return the age of a stamp made at a time of the monotonic clock, at another, both exact."""
    return clock.age_s(made_at + AHEAD_S, before=now, wall=now + ahead_s, after=now)


@pytest.mark.parametrize("age_s", [0.001, 0.5, 4.0, 86_400.0])
def test_a_stamp_is_as_old_as_it_is_after_any_pause(age_s: float) -> None:
    assert age_of(clock_read_at(100.0), 200.0, now=200.0 + age_s) == pytest.approx(age_s, abs=1e-6)


def test_a_stamp_from_before_the_first_reading_has_no_known_age() -> None:
    assert age_of(clock_read_at(100.0), 99.0, now=101.0) == 0.0
    assert age_of(SystemClock(), 99.0, now=101.0) == 0.0


def test_a_stamp_of_the_future_has_no_known_age() -> None:
    assert age_of(clock_read_at(100.0), 102.0, now=101.0) == 0.0


@pytest.mark.parametrize("step_s", [-3600.0, -0.01, 0.01, 3600.0])
def test_what_was_stamped_before_the_clock_was_set_has_no_known_age_however_late_it_is_read(
    step_s: float,
) -> None:
    clock, ahead_s = clock_read_at(100.0), AHEAD_S + step_s
    assert age_of(clock, 200.0, now=201.0, ahead_s=ahead_s) == 0.0
    assert age_of(clock, 200.0, now=202.0, ahead_s=ahead_s) == 0.0
    after_it = 203.0 + ahead_s
    assert clock.age_s(after_it, before=204.0, wall=204.0 + ahead_s, after=204.0) == pytest.approx(
        1.0, abs=1e-6
    )


def test_a_thread_that_is_stopped_while_it_reads_the_clocks_does_not_take_them_for_set() -> None:
    clock = clock_read_at(100.0)
    for now in range(110, 200, 10):
        clock.compare(now - 5.0, now + AHEAD_S, now + 4.0)
    assert age_of(clock, 101.0, now=200.0) == pytest.approx(99.0, abs=1e-6)


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1), st.floats(0, 1)), min_size=1),
    st.lists(st.sampled_from([0.0, 0.0, 0.0, -5.0, 5.0, 0.5]), min_size=1),
    st.data(),
)
def test_no_stamp_is_older_than_it_is_however_often_the_clock_is_set(
    steps: list[tuple[float, float, float]], sets: list[float], data: st.DataObject
) -> None:
    """The thread is stopped before and after each reading of the clock, which is set between readings."""
    clock, now, ahead_s = SystemClock(), 1000.0, AHEAD_S
    made: list[tuple[float, float]] = []  # when, and the stamp
    for passed_s, stopped_before_s, stopped_after_s in steps:
        made.append((now, now + ahead_s))
        now += passed_s
        ahead_s += data.draw(st.sampled_from(sets))
        before, read_at, after = now, now + stopped_before_s, now + stopped_before_s + stopped_after_s
        made_at, stamp = data.draw(st.sampled_from(made))
        age_s = clock.age_s(stamp, before=before, wall=read_at + ahead_s, after=after)
        assert (
            age_s <= max(0.0, read_at - made_at) + 2.0 + ROUNDING_S
        )  # what it was stopped for may hide a step
        now = after
