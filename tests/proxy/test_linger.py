"""Lingering: a reset waits until everything before it has been acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import cast

from trixter.proxy.linger import GIVE_UP_S, LATEST_S, Linger


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
    """One, with what is still to be taken each time it asks, and when it was over."""

    def __init__(self, left_bytes: Iterator[int]) -> None:
        self.loop = Loop()
        self.over_at: list[float] = []
        self.linger = Linger(
            cast(asyncio.AbstractEventLoop, self.loop),
            lambda: next(left_bytes),
            lambda: self.over_at.append(self.loop.now),
        )
        self.linger.start()

    def run(self) -> None:
        while self.loop.timer is not None:
            self.loop.turn()


def test_with_nothing_unsent_it_is_over_at_once() -> None:
    it = Lingering(iter([0]))
    assert it.over_at == [0.0]
    assert it.loop.timer is None


def test_it_is_over_when_everything_has_been_taken() -> None:
    it = Lingering(iter([300, 200, 100, 0]))
    it.run()
    assert len(it.over_at) == 1
    assert it.over_at[0] < 4 * LATEST_S


def test_a_peer_that_goes_on_taking_is_waited_for_however_slow_it_is() -> None:
    times = 10_000
    it = Lingering(iter(range(times, -1, -1)))
    it.run()
    assert it.over_at[0] > 10 * GIVE_UP_S


def test_a_peer_that_takes_nothing_is_given_up() -> None:
    it = Lingering(iter(lambda: 300, None))
    it.run()
    assert GIVE_UP_S <= it.over_at[0] <= GIVE_UP_S + LATEST_S


def test_time_in_which_nothing_is_taken_counts_from_the_last_that_was() -> None:
    def left_bytes() -> Iterator[int]:
        for left in (3, 2):
            yield from [left] * int(0.8 * GIVE_UP_S / LATEST_S)
        yield from iter(lambda: 1, None)

    it = Lingering(left_bytes())
    it.run()
    assert it.over_at[0] > 2 * GIVE_UP_S


def test_one_that_is_cancelled_calls_nobody() -> None:
    it = Lingering(iter([1]))
    it.linger.cancel()
    it.linger.cancel()
    assert it.loop.timer is None
    assert it.over_at == []
