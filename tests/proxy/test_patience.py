"""Staying awake is tried as often as it pays off."""

from __future__ import annotations

import pytest

from trixter.proxy.patience import LEAST_S, MOST_S, MOST_SKIPPED, Patience


def tries(patience: Patience, looks: int) -> list[bool]:
    """Look that many times, each in vain."""
    tried = []
    for _ in range(looks):
        tried.append(patience.is_worth_it())
        if tried[-1]:
            patience.was_in_vain()
    return tried


def test_it_is_worth_a_try_at_first() -> None:
    assert Patience().is_worth_it()


def test_while_it_pays_off_it_is_always_worth_it() -> None:
    patience = Patience()
    for _ in range(100):
        assert patience.is_worth_it()
        patience.paid_off()


def test_each_time_in_vain_it_is_tried_half_as_often() -> None:
    tried = tries(Patience(), 20)
    assert [place for place, was_tried in enumerate(tried) if was_tried] == [0, 2, 6, 14]


def test_it_is_tried_now_and_then_forever() -> None:
    patience = Patience()
    tries(patience, 1000)
    assert tries(patience, 10 * (MOST_SKIPPED + 1)).count(True) == 10


def test_one_success_makes_it_worth_it_again() -> None:
    patience = Patience()
    tries(patience, 1000)
    while not patience.is_worth_it():
        pass
    patience.paid_off()
    assert patience.is_worth_it()


def test_it_stays_awake_as_long_as_being_woken_takes() -> None:
    patience = Patience()
    for _ in range(20):
        patience.woke(0.0004)
    assert patience.seconds == pytest.approx(0.0004, rel=0.01)
    for _ in range(20):
        patience.woke(0.0002)
    assert patience.seconds == pytest.approx(0.0002, rel=0.01)


@pytest.mark.parametrize(("late_s", "seconds"), [(0.0, LEAST_S), (0.00001, LEAST_S), (0.5, MOST_S)])
def test_a_machine_that_is_very_quick_or_very_slow_changes_little(late_s: float, seconds: float) -> None:
    patience = Patience()
    for _ in range(20):
        patience.woke(late_s)
    assert patience.seconds == pytest.approx(seconds, rel=0.01)


def test_one_time_of_being_woken_late_is_not_believed_in_full() -> None:
    patience = Patience()
    patience.woke(MOST_S)
    assert LEAST_S < patience.seconds < MOST_S / 2


def test_it_naps_more_often_at_first() -> None:
    patience, naps = Patience(), []
    for time in range(1, 49):
        patience.was_in_vain()
        if patience.is_nap_due():
            naps.append(time)
    assert naps == [1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 48]
