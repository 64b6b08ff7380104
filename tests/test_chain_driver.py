"""A chain is driven by a clock, with exactly one timer, or none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trixter.chain_driver import ChainDriver, Timer
from trixter.faults import EOF, NO_FAULTS, RESET, Dice, End, Faults, Latency
from trixter.testing import ManualClock


class Driven:
    """A driver on a manual clock, and how often it called back."""

    def __init__(self, *faults: Latency) -> None:
        self.clock = ManualClock(starts_at=10.0)
        self.calls = 0
        self.chain = ChainDriver(Faults(*faults), Dice(1), self.clock, self._on_due)

    def _on_due(self) -> None:
        self.calls += 1


def test_it_calls_when_the_first_piece_is_due_and_not_before() -> None:
    it = Driven(Latency(delay_s=1.0))
    assert it.chain.put(b"x") == []
    it.chain.arm()
    it.clock.advance(0.999)
    assert it.calls == 0
    it.clock.advance(0.001)
    assert it.calls == 1
    assert it.chain.take() == [b"x"]
    assert it.chain.is_idle


@pytest.mark.parametrize("end", [EOF, RESET], ids=repr)
def test_an_end_that_is_put_in_comes_out_in_its_time(end: End) -> None:
    it = Driven(Latency(delay_s=1.0))
    it.chain.put_end(end)
    it.clock.advance(0.999)
    assert it.chain.take() == []
    it.clock.advance(0.001)
    assert it.chain.take() == [end]


def test_the_timer_moves_when_a_change_makes_it_earlier() -> None:
    it = Driven(Latency(delay_s=5.0))
    it.chain.put(b"x")
    it.chain.arm()
    assert it.chain.change(Faults(Latency(delay_s=1.0))) == []
    it.chain.arm()
    it.clock.advance(1.0)
    assert it.calls == 1
    it.clock.advance(10.0)
    assert it.calls == 1, "the first timer ran on"


def test_a_change_to_nothing_lets_all_go_and_leaves_no_timer() -> None:
    it = Driven(Latency(delay_s=5.0))
    it.chain.put(b"x")
    it.chain.arm()
    assert not it.chain.is_idle
    assert it.chain.change(NO_FAULTS) == [b"x"]
    it.chain.arm()
    assert (it.chain.is_calm, it.chain.is_idle, it.chain.held_bytes) == (True, True, 0)
    it.clock.advance(10.0)
    assert it.calls == 0


def test_one_that_is_closed_does_not_call_back() -> None:
    it = Driven(Latency(delay_s=5.0))
    it.chain.put(b"x")
    it.chain.arm()
    it.chain.close()
    it.clock.advance(10.0)
    assert it.calls == 0


def test_latency_counts_from_the_arrival() -> None:
    it = Driven(Latency(delay_s=1.0))
    it.clock.advance(5.0)
    it.chain.put(b"old", age_s=0.25)
    it.chain.arm()
    it.clock.advance(0.75)
    assert it.chain.take() == [b"old"]


def test_nothing_arrived_before_the_chain_was_last_asked() -> None:
    it = Driven(Latency(delay_s=1.0))
    it.chain.put(b"first")
    it.chain.put(b"second", age_s=0.25)  # or it would overtake
    it.clock.advance(0.999)
    assert it.chain.take() == []
    it.clock.advance(0.001)
    assert it.chain.take() == [b"first", b"second"]


class EarlyClock:
    """A clock that calls back when half of the time has passed, as some loops do."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        self.calls.append(((self.now + when) / 2, callback))
        return Uncancelled()

    def run(self) -> None:
        """Go on to the next call, and make it."""
        self.now, callback = self.calls.pop()
        callback()


class Uncancelled:
    def cancel(self) -> None:
        raise AssertionError("nothing is to be cancelled here")


def test_a_clock_that_calls_early_is_asked_again_for_the_rest() -> None:
    clock, left = EarlyClock(), []

    def on_due() -> None:
        left.extend(driver.take())
        driver.arm()

    driver = ChainDriver(Faults(Latency(delay_s=1.0)), Dice(1), clock, on_due)
    left += driver.put(b"x")
    driver.arm()
    for _ in range(20):
        clock.run()
        assert left == []
        assert len(clock.calls) == 1
    clock.now = 1.0
    clock.calls.pop()[1]()
    assert left == [b"x"]
    assert clock.calls == []


def test_arming_again_for_the_same_time_makes_no_second_timer() -> None:
    clock = EarlyClock()
    driver = ChainDriver(Faults(Latency(delay_s=1.0)), Dice(1), clock, lambda: None)
    driver.put(b"x")
    for _ in range(3):
        driver.arm()
    assert len(clock.calls) == 1
