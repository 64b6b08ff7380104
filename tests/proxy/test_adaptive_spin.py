"""Busy polling is tried as often as it pays off, and while no other thread wants the core."""

from __future__ import annotations

import pytest

from trixter.proxy.epoll import (
    LONGEST_PAUSE_S,
    LOOK_S,
    MOST_SKIPPED,
    SHORTEST_PAUSE_S,
    AdaptiveSpin,
    CoreDemand,
    involuntary_switches,
)
from trixter.proxy.poller import WakeupLatency


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


class Core:
    """A core from which the kernel takes the thread so often a second, and the demand that follows."""

    def __init__(self) -> None:
        self.now = 100.0
        self.switches = 12.0
        self.demand = CoreDemand(lambda: int(self.switches))

    def spin(self, seconds: float, switches_per_s: float) -> float:
        """Ask a thousand times a second; return the part of the time in which polling is left alone."""
        asked = left_alone = 0
        until = self.now + seconds
        while self.now < until:
            asked += 1
            left_alone += self.demand.is_high(self.now)
            self.now += 0.001
            self.switches += switches_per_s * 0.001
        return left_alone / asked


@pytest.mark.parametrize("switches_per_s", [0, 10, 50])
def test_a_core_that_hardly_another_thread_wants_is_kept(switches_per_s: float) -> None:
    assert Core().spin(10.0, switches_per_s) == 0.0


@pytest.mark.parametrize("switches_per_s", [250, 5000])
def test_a_core_that_others_want_is_left_to_them_for_longer_and_longer(switches_per_s: float) -> None:
    core = Core()
    first = core.spin(2 * LOOK_S + SHORTEST_PAUSE_S, switches_per_s)
    core.spin(5.0, switches_per_s)
    assert first < 0.6
    assert core.spin(10 * LONGEST_PAUSE_S, switches_per_s) > 0.95


def test_polling_begins_again_within_two_pauses_once_the_core_is_free() -> None:
    core = Core()
    core.spin(5.0, 1000)
    core.spin(2 * (LONGEST_PAUSE_S + LOOK_S), 0)
    assert core.spin(5.0, 0) == 0.0
    assert core.spin(2 * LOOK_S + SHORTEST_PAUSE_S, 1000) < 0.6, "a short pause comes first again"


def test_the_kernel_counts_the_times_that_it_stopped_this_thread() -> None:
    assert involuntary_switches() >= 0
