"""Clocks keep appointments in order, never early, and drop those that were called off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from freezegun import freeze_time

from tests.proxy.connection_harness import live_objects
from tests.proxy.descriptors import no_descriptor_free
from tests.proxy.waiting import turns, until
from trixter.monotonic import TURN_S
from trixter.proxy.clock import (
    FURTHEST_S,
    SWEEP_FROM,
    TIMERS_BETWEEN_LOOKS,
    Clock,
    LoopClock,
    Timer,
)
from trixter.proxy.loop import clock_for, poller_for
from trixter.proxy.poller import Poller, WakeupLatency
from trixter.proxy.timerfd import TimerfdClock


class AlarmOnly(Clock):
    """A clock whose time and alarm the test can see and set."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.alarms: list[float] = []

    def time(self) -> float:
        return self.now

    def fire(self, now: float) -> None:
        self.now = now
        self._fire_due()

    def _arm(self, when: float) -> None:
        self.alarms.append(when)

    def close(self) -> None: ...


@pytest.fixture
async def poller(anyio_backend: object) -> AsyncIterator[Poller]:
    poller = poller_for(asyncio.get_running_loop(), WakeupLatency())
    yield poller
    poller.close()


@pytest.fixture(params=[TimerfdClock, LoopClock])
async def clock(request: pytest.FixtureRequest, poller: Poller) -> AsyncIterator[Clock]:
    clock: Clock = new_clock(request.param, poller)
    yield clock
    clock.close()


def new_clock(kind: type[TimerfdClock | LoopClock], poller: Poller) -> Clock:
    return kind(poller) if issubclass(kind, TimerfdClock) else kind(asyncio.get_running_loop())


async def test_an_appointment_is_kept_in_frozen_time(clock: Clock) -> None:
    kept = asyncio.Event()
    with freeze_time("2020-01-01", real_asyncio=True):
        clock.call_at(clock.time() + 0.002, kept.set)
        await kept.wait()


async def test_appointments_are_kept_in_order_and_never_early(clock: Clock) -> None:
    now = clock.time()
    times = [now + 0.004, now, now + 0.002, now + 0.0021, now - 1, now + 0.002]
    kept: list[tuple[float, float]] = []
    for when in times:
        clock.call_at(when, lambda when=when: kept.append((when, clock.time())))  # type: ignore[misc]
    await until(lambda: len(kept) == len(times))
    assert [when for when, _ in kept] == sorted(times)
    assert all(rang_at >= when for when, rang_at in kept)


async def test_an_appointment_that_was_called_off_is_not_kept(clock: Clock) -> None:
    kept: list[str] = []
    cancelled = clock.call_at(clock.time(), lambda: kept.append("cancelled"))
    clock.call_at(clock.time() + 0.001, lambda: kept.append("kept"))
    cancelled.cancel()
    cancelled.cancel()
    await until(lambda: kept)
    assert kept == ["kept"]


async def test_a_callback_can_call_off_its_neighbour(clock: Clock) -> None:
    kept: list[str] = []
    now = clock.time()
    clock.call_at(now, lambda: second.cancel())
    second = clock.call_at(now, lambda: kept.append("second"))
    clock.call_at(now, lambda: kept.append("third"))
    await until(lambda: kept)
    assert kept == ["third"]


async def test_a_callback_can_make_another_appointment(clock: Clock) -> None:
    kept: list[str] = []

    def first() -> None:
        clock.call_at(clock.time() + 0.001, lambda: kept.append("second"))

    clock.call_at(clock.time(), first)
    await until(lambda: kept)


async def test_a_callback_that_fails_does_not_keep_the_others_from_ringing(clock: Clock) -> None:
    loop = asyncio.get_running_loop()
    failures: list[object] = []
    handler = loop.get_exception_handler()
    loop.set_exception_handler(lambda loop, context: failures.append(context["exception"]))
    try:
        kept: list[str] = []
        now = clock.time()
        clock.call_at(now, lambda: [].pop())
        clock.call_at(now, lambda: kept.append("second"))
        await until(lambda: kept)
    finally:
        loop.set_exception_handler(handler)
    assert [type(failure) for failure in failures] == [IndexError]


@pytest.mark.parametrize("kind", [TimerfdClock, LoopClock])
async def test_an_alarm_rings_once(poller: Poller, kind: type[TimerfdClock | LoopClock]) -> None:
    rings: list[float] = []

    class Audible(kind):  # type: ignore[misc, valid-type]
        def _fire_due(self) -> None:
            rings.append(self.time())
            super()._fire_due()

    clock = new_clock(Audible, poller)
    clock.call_at(0.0, lambda: None)
    await until(lambda: rings)
    await turns()
    assert len(rings) == 1
    clock.close()


async def test_a_closed_clock_rings_no_more(poller: Poller) -> None:
    for clock in (TimerfdClock(poller), LoopClock(asyncio.get_running_loop())):
        kept: list[str] = []
        clock.call_at(clock.time(), lambda kept=kept: kept.append("too late"))  # type: ignore[misc]
        clock.close()
        await turns()
        assert kept == []


async def test_the_most_punctual_clock_is_the_timerfd(poller: Poller) -> None:
    clock = clock_for(asyncio.get_running_loop(), poller, WakeupLatency())
    assert isinstance(clock, TimerfdClock)
    clock.close()


async def test_without_a_timerfd_the_loop_rings(poller: Poller) -> None:
    with no_descriptor_free():
        clock = clock_for(asyncio.get_running_loop(), poller, WakeupLatency())
    assert isinstance(clock, LoopClock)
    clock.close()


def test_the_alarm_is_set_for_the_earliest_appointment_only() -> None:
    clock = AlarmOnly()
    for when in (5.0, 7.0, 3.0):
        clock.call_at(when, lambda: None)
    assert clock.alarms == [5.0, 3.0]
    clock.fire(now=3.0)
    assert clock.alarms == [5.0, 3.0, 5.0]


def test_an_alarm_that_rings_early_is_set_again() -> None:
    clock = AlarmOnly()
    kept: list[float] = []
    clock.call_at(5.0, lambda: kept.append(clock.now))
    clock.fire(now=4.9995)
    assert (kept, clock.alarms) == ([], [5.0, 5.0])
    clock.fire(now=5.0)
    assert kept == [5.0]


@pytest.mark.parametrize("when", [1e300, float("inf")])
def test_an_appointment_beyond_what_an_alarm_can_hold_is_kept_in_steps(when: float) -> None:
    clock = AlarmOnly()
    clock.call_at(when, lambda: None)
    clock.fire(now=FURTHEST_S)
    assert clock.alarms == [FURTHEST_S, 2 * FURTHEST_S]


def test_cancelled_appointments_do_not_pile_up() -> None:
    clock = AlarmOnly()
    kept: list[int] = []
    before = len(live_objects(Timer))
    for number in range(3000):
        timer = clock.call_at(1000.0 + number, lambda number=number: kept.append(number))  # type: ignore[misc]
        if number % 100:
            timer.cancel()
    assert len(live_objects(Timer)) - before <= 2 * (30 + SWEEP_FROM)
    clock.fire(now=4000.0)
    assert kept == list(range(0, 3000, 100))


def test_calling_off_what_was_kept_counts_for_nothing() -> None:
    clock = AlarmOnly()
    for _ in range(2 * SWEEP_FROM):
        timer = clock.call_at(0.0, lambda: None)
        clock.fire(now=0.0)
        timer.cancel()
    kept: list[str] = []
    clock.call_at(1.0, lambda: kept.append("kept"))
    clock.fire(now=1.0)
    assert kept == ["kept"]


def test_many_appointments_for_one_time_are_kept_in_turns_and_in_order() -> None:
    """Each takes a while, so that the turn is over before all have been kept."""

    class Busy(AlarmOnly):
        def keep(self, number: int) -> None:
            kept.append(number)
            self.now += TURN_S / 4

    kept: list[int] = []
    clock = Busy()
    for number in range(100):
        clock.call_at(1.0, lambda number=number: clock.keep(number))  # type: ignore[misc]
    turns = 0
    clock.now = 1.0
    while len(kept) < 100:
        before = len(kept)
        clock.fire(clock.now)
        assert before < len(kept) <= before + 3 * TIMERS_BETWEEN_LOOKS
        turns += 1
    assert kept == list(range(100))
    assert clock.alarms.count(1.0) == turns, "each time, the alarm was set for what was left"
