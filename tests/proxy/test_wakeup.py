"""Wake-up latency is learned from every wake-up, and read as a lead and as a mean."""

from __future__ import annotations

import pytest

from trixter.proxy.poller import LEAST_MEAN_S, MOST_LEAD_S, MOST_MEAN_S, WakeupLatency


def learned(*late_s: float, times: int = 1000) -> WakeupLatency:
    """Return what it makes of wake-ups that were that late, over and over."""
    wakeup = WakeupLatency()
    for _ in range(times):
        for each in late_s:
            wakeup.observe(each)
    return wakeup


@pytest.mark.parametrize("late_s", [0.00005, 0.0002, 0.0004])
def test_the_lead_grows_to_what_waking_up_takes_and_not_beyond(late_s: float) -> None:
    assert late_s * 0.9 <= learned(late_s).lead_s <= late_s + 0.00005


def test_one_long_wake_up_among_a_hundred_is_not_waited_for() -> None:
    assert learned(*[0.0001] * 99, 0.0004).lead_s < 0.0002


def test_the_lead_is_bounded() -> None:
    assert learned(10.0).lead_s == pytest.approx(MOST_LEAD_S)
    assert learned(0.0).lead_s == 0.0


def test_the_mean_follows_what_waking_up_takes() -> None:
    wakeup = learned(0.0004, times=20)
    assert wakeup.mean_s == pytest.approx(0.0004, rel=0.01)
    for _ in range(20):
        wakeup.observe(0.0002)
    assert wakeup.mean_s == pytest.approx(0.0002, rel=0.01)


@pytest.mark.parametrize(
    ("late_s", "mean_s"), [(0.0, LEAST_MEAN_S), (0.00001, LEAST_MEAN_S), (0.5, MOST_MEAN_S)]
)
def test_a_machine_that_is_very_quick_or_very_slow_changes_the_mean_little(
    late_s: float, mean_s: float
) -> None:
    assert learned(late_s, times=20).mean_s == pytest.approx(mean_s, rel=0.01)


def test_one_late_wake_up_is_not_believed_in_full() -> None:
    assert LEAST_MEAN_S < learned(MOST_MEAN_S, times=1).mean_s < MOST_MEAN_S / 2
