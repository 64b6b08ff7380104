"""Busy polling is tried as often as it pays off."""

from __future__ import annotations

import pytest

from trixter.proxy.epoll import MOST_SKIPPED, AdaptiveSpin
from trixter.proxy.wakeup import WakeupLatency


def tries(spin: AdaptiveSpin, looks: int) -> list[bool]:
    """Look that many times, each in vain."""
    tried = []
    for _ in range(looks):
        tried.append(spin.should_spin())
        if tried[-1]:
            spin.missed()
    return tried


def test_it_is_worth_a_try_at_first() -> None:
    assert AdaptiveSpin(WakeupLatency()).should_spin()


def test_while_it_pays_off_it_is_always_worth_it() -> None:
    spin = AdaptiveSpin(WakeupLatency())
    for _ in range(100):
        assert spin.should_spin()
        spin.hit()


def test_each_time_in_vain_it_is_tried_half_as_often() -> None:
    tried = tries(AdaptiveSpin(WakeupLatency()), 20)
    assert [place for place, was_tried in enumerate(tried) if was_tried] == [0, 2, 6, 14]


def test_it_is_tried_now_and_then_forever() -> None:
    spin = AdaptiveSpin(WakeupLatency())
    tries(spin, 1000)
    assert tries(spin, 10 * (MOST_SKIPPED + 1)).count(True) == 10


def test_one_success_makes_it_worth_it_again() -> None:
    spin = AdaptiveSpin(WakeupLatency())
    tries(spin, 1000)
    while not spin.should_spin():
        pass
    spin.hit()
    assert spin.should_spin()


def test_it_polls_as_long_as_a_wake_up_takes() -> None:
    wakeup = WakeupLatency()
    spin = AdaptiveSpin(wakeup)
    for _ in range(20):
        wakeup.observe(0.0004)
    assert spin.seconds == wakeup.mean_s == pytest.approx(0.0004, rel=0.01)


def test_it_naps_more_often_at_first() -> None:
    spin, naps = AdaptiveSpin(WakeupLatency()), []
    for time in range(1, 49):
        spin.missed()
        if spin.should_measure():
            naps.append(time)
    assert naps == [1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 48]
