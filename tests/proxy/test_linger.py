"""Lingering: a reset waits until everything before it has been acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from trixter.proxy.closing import GIVE_UP_S, LATEST_S, Linger


class Loop:
    """The timers of a loop, in time that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timer: tuple[float, Callable[[], None]] | None = None

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Loop:
        assert self.timer is None, "one timer at a time"
        assert delay_s <= LATEST_S
        self.timer = self.now + delay_s, callback
        return self

    def cancel(self) -> None:
        self.timer = None

    def turn(self) -> None:
        """Let the timer ring."""
        assert self.timer is not None
        self.now, callback = self.timer
        self.timer = None
        callback()


class Lingering:
    """One whose peer has taken nothing yet, and when it was over."""

    def __init__(self, unsent_bytes: int) -> None:
        self.loop = Loop()
        self.unsent_bytes = unsent_bytes
        self.forwarded_bytes = 0
        self.over_at: list[float] = []
        self.linger = Linger(
            cast(asyncio.AbstractEventLoop, self.loop),
            lambda: self.unsent_bytes,
            lambda: self.forwarded_bytes,
            lambda: self.over_at.append(self.loop.now),
        )
        self.linger.start()

    def run(self, seconds: float, step: Callable[[], None] = lambda: None) -> None:
        """Let time pass, with a step before each time it asks."""
        then = self.loop.now + seconds
        while self.loop.timer is not None and self.loop.timer[0] <= then:
            step()
            self.loop.turn()
        self.loop.now = then

    def take(self) -> None:
        self.unsent_bytes = max(self.unsent_bytes - 1, 0)


def test_with_nothing_unsent_it_is_over_as_soon_as_the_reset_is_due() -> None:
    it = Lingering(0)
    it.run(10 * GIVE_UP_S)
    assert it.over_at == []
    it.linger.reset_is_due()
    assert it.over_at == [10 * GIVE_UP_S]
    assert it.loop.timer is None


def test_it_is_over_when_everything_has_been_taken() -> None:
    it = Lingering(3)
    it.linger.reset_is_due()
    assert it.over_at == []
    it.run(10 * LATEST_S, it.take)
    assert len(it.over_at) == 1


def test_a_peer_that_goes_on_taking_is_waited_for_however_slow_it_is() -> None:
    it = Lingering(10_000)
    it.linger.reset_is_due()
    it.run(5 * GIVE_UP_S, it.take)
    assert it.over_at == []


@pytest.mark.parametrize("is_due", [True, False])
def test_a_peer_that_takes_nothing_is_given_up_also_if_the_reset_is_not_due_yet(is_due: bool) -> None:
    it = Lingering(300)
    if is_due:
        it.linger.reset_is_due()
    it.run(2 * GIVE_UP_S)
    assert len(it.over_at) == 1
    assert GIVE_UP_S <= it.over_at[0] <= GIVE_UP_S + 2 * LATEST_S


def test_time_in_which_nothing_is_taken_counts_from_the_last_that_was() -> None:
    it = Lingering(300)
    for _ in range(5):
        it.run(0.8 * GIVE_UP_S)
        it.take()
    assert it.over_at == []
    it.run(1.1 * GIVE_UP_S)
    assert len(it.over_at) == 1


def test_what_leaves_the_faults_as_fast_as_it_is_taken_is_no_standstill() -> None:
    it = Lingering(300)

    def forward() -> None:
        it.forwarded_bytes += 1  # and as much came behind it

    it.run(3 * GIVE_UP_S, forward)
    assert it.over_at == []


def test_time_in_which_faults_hold_everything_does_not_count() -> None:
    it = Lingering(0)
    it.run(10 * GIVE_UP_S)
    it.unsent_bytes = 300
    it.run(0.9 * GIVE_UP_S)
    assert it.over_at == []


def test_one_that_is_cancelled_calls_nobody() -> None:
    it = Lingering(1)
    it.linger.cancel()
    it.linger.cancel()
    assert it.loop.timer is None
    assert it.over_at == []
