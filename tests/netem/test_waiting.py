"""Turning a knob reaches a reader that waits, and the loop's clock is kept on every loop."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest
import trio.testing
from anyio import BrokenResourceError, EndOfStream, create_task_group
from freezegun import freeze_time

from tests.netem.streams import Outcome, SteppedClock, Wire, settled
from trixter.netem import (
    Corrupter,
    DelayedReader,
    DelayedWriter,
    Knob,
    TerminatedError,
    Terminator,
    ThrottledWriter,
)


async def test_a_delay_that_comes_while_a_reader_waits_delays_what_arrives(clock: SteppedClock) -> None:
    wire, knob, receiving = Wire(), Knob(0), Outcome()
    stream = DelayedReader(wire, knob, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await settled()
        knob.value = 1.0
        wire.arrive(b"late")
        await clock.advance(0.999)
        assert not receiving.is_done
        await clock.advance(0.001)
    assert receiving.result == b"late"


async def test_it_delays_the_end_as_well(clock: SteppedClock) -> None:
    wire, knob, receiving = Wire(), Knob(0), Outcome()
    stream = DelayedReader(wire, knob, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await settled()
        knob.value = 1.0
        wire.end()
        await clock.advance(0.999)
        assert not receiving.is_done
        await clock.advance(0.001)
    assert isinstance(receiving.error, EndOfStream)


async def test_an_end_that_no_fault_concerns_is_one(clock: SteppedClock) -> None:
    wire = Wire()
    wire.end()
    with pytest.raises(EndOfStream):
        await DelayedReader(wire, 0, clock=clock).receive()


async def test_what_arrives_at_a_reader_that_waits_is_struck_or_not_as_the_knob_says_then() -> None:
    wire, knob, receiving = Wire(), Knob(0), Outcome()
    noisy, failing, clean = Outcome(), Outcome(), Outcome()
    async with create_task_group() as tasks:
        wires = [Wire(), Wire(), Wire()]
        tasks.start_soon(noisy.run, Corrupter(wires[0], knob, seed=1).receive)
        tasks.start_soon(failing.run, Terminator(wires[1], knob, seed=1).receive)
        tasks.start_soon(clean.run, Corrupter(wires[2], off := Knob(1.0), seed=1).receive)
        await settled()
        knob.value, off.value = 1.0, 0
        for wire in wires:
            wire.arrive(b"x")
    assert len(noisy.result) > 1
    assert isinstance(failing.error, TerminatedError)
    assert len(clean.result) > 1  # its read was struck before the knob was turned
    assert not receiving.is_done


async def test_the_loops_own_clock_is_never_early(anyio_backend: object) -> None:
    wire = Wire()
    started_at = anyio.current_time()
    await DelayedWriter(wire, 0.02).send(b"late")
    # uvloop tells the time of its last turn, in whole milliseconds.
    assert anyio.current_time() - started_at >= 0.019
    assert wire.sent == [b"late"]


async def test_the_loops_own_clock_is_interrupted_by_a_knob(anyio_backend: object) -> None:
    wire, knob = Wire(), Knob(3600.0)
    async with create_task_group() as tasks:
        tasks.start_soon(DelayedWriter(wire, knob).send, b"at last")
        await settled()
        assert wire.sent == []
        knob.value = 0
    assert wire.sent == [b"at last"]


@pytest.mark.parametrize(
    "adapter", [lambda wire: DelayedWriter(wire, 3600.0), lambda wire: ThrottledWriter(wire, 1 / 900)]
)
def test_on_trios_mock_clock_hours_take_no_time(adapter: Callable[[Wire], DelayedWriter]) -> None:
    async def send() -> float:
        before = trio.current_time()
        await adapter(Wire()).send(b"late")
        return trio.current_time() - before

    assert trio.run(send, clock=trio.testing.MockClock(autojump_threshold=0)) >= 3600


async def test_a_reset_travels_like_the_bytes_before_it(clock: SteppedClock) -> None:
    wire, receiving = Wire(b"last words"), Outcome()
    stream = DelayedReader(wire, 1.0, clock=clock)
    wire.reset()
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await clock.advance(1.0)
        assert receiving.result == b"last words"
        receiving = Outcome()
        tasks.start_soon(receiving.run, stream.receive)
        await clock.advance(0.999)
        assert not receiving.is_done
        await clock.advance(0.001)
        assert isinstance(receiving.error, BrokenResourceError)
    with pytest.raises(BrokenResourceError):  # and from then on
        await stream.receive()


async def test_a_reset_while_nothing_is_held_back_is_told_at_once(clock: SteppedClock) -> None:
    wire = Wire(b"last words")
    stream = DelayedReader(wire, 0, clock=clock)
    wire.reset()
    assert await stream.receive() == b"last words"
    with pytest.raises(BrokenResourceError):
        await stream.receive()


async def test_a_reset_of_an_adapter_inside_does_not_travel(clock: SteppedClock) -> None:
    stream = DelayedReader(Terminator(Wire(b"struck"), 1.0), 60.0, clock=clock)
    with pytest.raises(TerminatedError):
        await stream.receive()


@pytest.mark.parametrize("adapter", [DelayedWriter, ThrottledWriter])
async def test_in_frozen_time_bytes_pass_when_they_are_due(
    anyio_backend: object, adapter: type[DelayedWriter] | type[ThrottledWriter]
) -> None:
    wire = Wire()
    with freeze_time("2020-01-01", real_asyncio=True, ignore=["trio"]):
        stream = adapter(wire, 0.01 if adapter is DelayedWriter else 100)
        with anyio.fail_after(30):
            await stream.send(b"x")
    assert wire.data == b"x"
