"""ManualClock: only the test advances its time."""

from __future__ import annotations

import doctest

import pytest

from trixter.testing import ManualClock, manual_clock


def test_time_stands_still_until_it_is_moved() -> None:
    clock = ManualClock(starts_at=5.0)
    assert clock.time() == 5.0
    clock.advance(1.5)
    assert clock.time() == 6.5
    clock.advance_to(8.0)
    assert clock.time() == 8.0


@pytest.mark.parametrize("seconds", [-0.001, float("nan")])
def test_time_does_not_go_back(seconds: float) -> None:
    clock = ManualClock(starts_at=5.0)
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(seconds)
    assert clock.time() == 5.0


def test_each_timer_fires_at_its_own_time_and_in_order() -> None:
    clock = ManualClock()
    kept: list[tuple[str, float]] = []
    for name, when in (("third", 3.0), ("first", 1.0), ("second", 1.0), ("not yet", 4.1)):
        clock.call_at(when, lambda name=name: kept.append((name, clock.time())))  # type: ignore[misc]
    clock.advance(4.0)
    assert kept == [("first", 1.0), ("second", 1.0), ("third", 3.0)]
    assert clock.time() == 4.0


def test_a_timer_for_the_past_fires_at_the_next_advance_and_not_in_the_past() -> None:
    clock = ManualClock(starts_at=5.0)
    kept: list[float] = []
    clock.call_at(1.0, lambda: kept.append(clock.time()))
    clock.advance(0)
    assert kept == [5.0]


def test_timers_set_on_the_way_fire_too() -> None:
    clock = ManualClock()
    kept: list[float] = []

    def again() -> None:
        kept.append(clock.time())
        if clock.time() < 3:
            clock.call_at(clock.time() + 1, again)

    clock.call_at(1.0, again)
    clock.advance(10)
    assert kept == [1.0, 2.0, 3.0]


def test_it_has_the_time_of_the_next_timer() -> None:
    clock = ManualClock()
    assert clock.next_at is None
    clock.call_at(2.0, lambda: None)
    clock.call_at(1.0, lambda: None).cancel()
    assert clock.next_at == 2.0
    clock.advance_to(2.0)
    assert clock.next_at is None


def test_what_a_callback_raises_reaches_the_test() -> None:
    clock = ManualClock()
    clock.call_at(1.0, lambda: [].pop())
    with pytest.raises(IndexError):
        clock.advance(1)


def test_a_closed_clock_fires_no_timers() -> None:
    clock = ManualClock()
    kept: list[float] = []
    clock.call_at(1.0, lambda: kept.append(clock.time()))
    clock.close()
    clock.advance(2)
    assert kept == []


def test_its_example_is_true() -> None:
    assert doctest.testmod(manual_clock).failed == 0
