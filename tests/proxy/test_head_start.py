"""An alarm is set as much earlier as waking up takes."""

from __future__ import annotations

import pytest

from trixter.proxy.head_start import MOST_S, HeadStart


def learned(*late_s: float) -> float:
    """Return what it makes of alarms that were heard that late, over and over."""
    head_start = HeadStart()
    for _ in range(1000):
        for each in late_s:
            head_start.woke(each)
    return head_start.seconds


@pytest.mark.parametrize("late_s", [0.00005, 0.0002, 0.0004])
def test_it_grows_to_what_waking_up_takes_and_not_beyond(late_s: float) -> None:
    assert late_s * 0.9 <= learned(late_s) <= late_s + 0.00005


def test_one_long_wake_up_among_a_hundred_is_not_waited_for() -> None:
    assert learned(*[0.0001] * 99, 0.0004) < 0.0002


def test_it_is_bounded() -> None:
    assert learned(10.0) == pytest.approx(MOST_S)
    assert learned(0.0) == 0.0
