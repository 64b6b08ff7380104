"""Knobs, injections and shutdowns reach a task that waits from any thread, on every loop."""

from __future__ import annotations

import threading
from collections.abc import Callable

import anyio
import pytest
from anyio import create_task_group, to_thread

from tests.netem.streams import Outcome, SteppedClock, Wire, settled
from trixter.errors import SettingError
from trixter.faults import Dice, Latency
from trixter.faults.latency import LatencyStage
from trixter.netem import (
    Corrupter,
    DelayedWriter,
    Knob,
    ReadInjector,
    Shutdowner,
    ThrottledWriter,
    WriteInjector,
)
from trixter.netem.async_chain import AsyncChain


async def in_a_thread(function: Callable[[], object]) -> None:
    """Call it in a thread that no event loop knows."""
    thread = threading.Thread(target=function)
    thread.start()
    await to_thread.run_sync(thread.join)


def turned(knob: Knob, value: float) -> Callable[[], None]:
    return lambda: setattr(knob, "value", value)


@pytest.mark.parametrize("adapter", [DelayedWriter, ThrottledWriter])
async def test_turning_a_knob_off_in_a_thread_wakes_a_sender_that_waits(
    clock: SteppedClock, adapter: type[DelayedWriter] | type[ThrottledWriter]
) -> None:
    wire, knob, sending = Wire(), Knob(5), Outcome()
    stream = adapter(wire, knob, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(b"x" * 100))
        await settled()
        assert clock.waiting == 1
        await in_a_thread(turned(knob, 0))
    assert wire.data == b"x" * 100


async def test_it_wakes_a_sender_that_waits_by_the_clock_of_its_loop(anyio_backend: object) -> None:
    wire, knob = Wire(), Knob(3600)
    stream = DelayedWriter(wire, knob)
    with anyio.fail_after(60):
        async with create_task_group() as tasks:
            tasks.start_soon(stream.send, b"x")
            await settled()
            await in_a_thread(turned(knob, 0))
    assert wire.data == b"x"


async def test_a_turn_between_the_look_and_the_wait_is_not_missed(clock: SteppedClock) -> None:
    knob = Knob(5)

    class TurningStage(LatencyStage):
        def wake_at(self) -> float | None:
            when = super().wake_at()
            thread = threading.Thread(target=turned(knob, 0))
            thread.start()
            thread.join()
            return when

    class Turning(Latency):
        def stage(self, dice: Dice, now: float) -> LatencyStage:
            return TurningStage(self, dice)

    chain = AsyncChain(lambda value: Turning(delay_s=value), knob, clock=clock)
    chain.put(b"x")
    assert await chain.next_actions() == [b"x"]


async def test_a_knob_is_turned_for_adapters_on_several_loops(clock: SteppedClock) -> None:
    knob, there = Knob(3600), Wire()
    is_waiting = threading.Event()

    async def elsewhere() -> None:
        async with create_task_group() as tasks:
            tasks.start_soon(DelayedWriter(there, knob).send, b"there")
            await settled()
            is_waiting.set()

    here, sending = Wire(), Outcome()
    other = threading.Thread(target=lambda: anyio.run(elsewhere))
    other.start()
    await to_thread.run_sync(is_waiting.wait)
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: DelayedWriter(here, knob, clock=clock).send(b"here"))
        await settled()
        knob.value = 0
    await to_thread.run_sync(other.join)
    assert (here.data, there.data) == (b"here", b"there")


async def test_a_loop_that_has_ended_is_no_error(anyio_backend: object) -> None:
    knob = Knob(3600)
    stream = DelayedWriter(Wire(), knob)

    async def give_up() -> None:
        with anyio.move_on_after(0):
            await stream.send(b"x")

    thread = threading.Thread(target=lambda: anyio.run(give_up))
    thread.start()
    await to_thread.run_sync(thread.join)
    knob.value = 0


def test_checking_and_turning_are_one_step() -> None:
    """Try to hold the knob in another thread when its holders have been asked, and it is not set yet."""
    knob, outcomes = Knob(0.5), list[str]()

    def hold() -> None:
        try:
            Corrupter(Wire(), knob)
        except SettingError:
            outcomes.append("refused")
        else:
            outcomes.append("frozen")

    class Subscriber:
        thread: threading.Thread | None = None

        def check(self, value: float) -> None:
            if value == 2 and self.thread is None:
                self.thread = threading.Thread(target=hold)
                self.thread.start()
                self.thread.join(0.1)  # it ends only if nothing keeps it from what it should not do

        def on_turned(self) -> None: ...

    subscriber = Subscriber()
    knob.subscribe(subscriber)
    knob.value = 2
    assert subscriber.thread is not None
    subscriber.thread.join()
    assert (knob.value, outcomes) == (2, ["refused"])


def test_a_handler_of_a_signal_may_turn_it_while_it_is_turned() -> None:
    knob = Knob(1)

    class Subscriber:
        def check(self, value: float) -> None: ...

        def on_turned(self) -> None:
            if knob.value == 2:
                knob.value = 3  # in the same thread, as a handler would

    subscriber = Subscriber()
    knob.subscribe(subscriber)
    knob.value = 2
    assert knob.value == 3


async def test_an_injection_from_a_thread_wakes_a_reader(anyio_backend: object) -> None:
    stream, receiving = ReadInjector(Wire()), Outcome()
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await settled()
        await in_a_thread(lambda: stream.inject(b"injected"))
    assert receiving.result == b"injected"


async def test_an_injection_between_the_look_and_the_wait_is_not_missed(anyio_backend: object) -> None:
    class Injecting(ReadInjector):
        @property
        def _is_interrupted(self) -> bool:
            if not self._injected:
                thread = threading.Thread(target=self.inject, args=[b"injected"])
                thread.start()
                thread.join()
            return super()._is_interrupted

    assert await Injecting(Wire()).receive() == b"injected"


async def test_an_injection_from_a_thread_is_sent_first(anyio_backend: object) -> None:
    wire = Wire()
    stream = WriteInjector(wire)
    await in_a_thread(lambda: stream.inject(b"first"))
    await stream.send(b"second")
    assert wire.sent == [b"first", b"second"]


async def test_a_shutdown_from_a_thread_ends_what_waits(anyio_backend: object) -> None:
    stream, receiving = Shutdowner(Wire()), Outcome()
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await settled()
        await in_a_thread(lambda: stream.shutdown(ConnectionAbortedError("by a thread")))
    assert str(receiving.error) == "by a thread"
