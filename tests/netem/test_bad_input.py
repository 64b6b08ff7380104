"""Bad input that each adapter handles: closed streams, cancelled calls, nothing to send; and what is off."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import pytest
from anyio import BusyResourceError, ClosedResourceError, create_task_group

from tests.netem.streams import Outcome, SteppedClock, Wire, settled
from trixter.netem import (
    Corrupter,
    DelayedReader,
    DelayedWriter,
    Knob,
    RateCountingReader,
    ReadInjector,
    Shutdowner,
    SlicedWriter,
    TerminatedError,
    Terminator,
    ThrottledReader,
    ThrottledWriter,
    WriteInjector,
    netem,
)
from trixter.netem.adapter import Adapter

Maker = Callable[[Wire, float], Adapter]

SET: dict[str, Maker] = {
    "delayed reader": lambda wire, value: DelayedReader(wire, value),
    "delayed writer": lambda wire, value: DelayedWriter(wire, value / 1000),
    "throttled reader": lambda wire, value: ThrottledReader(wire, value),
    "throttled writer": lambda wire, value: ThrottledWriter(wire, value),
    "sliced writer": lambda wire, value: SlicedWriter(wire, int(value)),
    "corrupter": lambda wire, value: Corrupter(wire, value),
    "terminator": lambda wire, value: Terminator(wire, value),
}
ALL: dict[str, Maker] = {
    **SET,
    "read injector": lambda wire, value: ReadInjector(wire),
    "write injector": lambda wire, value: WriteInjector(wire),
    "shutdowner": lambda wire, value: Shutdowner(wire),
    "counter": lambda wire, value: RateCountingReader(wire),
    "fluent": lambda wire, value: netem(wire),
}


@pytest.mark.parametrize("value", [0, 1], ids=["off", "on"])
@pytest.mark.parametrize("name", sorted(ALL))
async def test_a_closed_stream_says_so_and_may_be_closed_again(name: str, value: float) -> None:
    wire = Wire()
    stream = ALL[name](wire, value)
    await stream.aclose()
    await stream.aclose()
    for call in (stream.receive, lambda: stream.send(b"x")):
        with pytest.raises(ClosedResourceError):
            await call()
    assert wire.sent == []


@pytest.mark.parametrize("value", [0, 1], ids=["off", "on"])
@pytest.mark.parametrize("name", sorted(ALL))
async def test_nothing_to_send_is_nothing(name: str, value: float) -> None:
    wire = Wire()
    stream = ALL[name](wire, value)
    with pytest.raises(TerminatedError) if (name, value) == ("terminator", 1) else nullcontext():
        await stream.send(b"")
    assert wire.data == b""


@pytest.mark.parametrize("name", sorted(ALL))
async def test_what_is_off_hands_on_the_very_bytes(name: str) -> None:
    """Not a copy: that is what it costs."""
    arrived, sent = bytes(1000), bytes(1000)
    wire = Wire(arrived)
    stream = ALL[name](wire, 0)
    await stream.send(sent)
    assert wire.sent[0] is sent
    assert await stream.receive(1000) == arrived


@pytest.mark.parametrize("name", ["corrupter", "sliced writer", "delayed writer"])
async def test_what_a_cancelled_send_left_is_not_sent_later(name: str, clock: SteppedClock) -> None:
    wire, sending, knob = Wire(), Outcome(), Knob(1)
    streams = {
        "corrupter": Corrupter(wire, knob, seed=1),
        "sliced writer": SlicedWriter(wire, knob),
        "delayed writer": DelayedWriter(wire, knob, clock=clock),
    }
    wire.is_full = True
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: streams[name].send(b"never"))
        await clock.advance(1.0)
        sending.scope.cancel()
    wire.is_full, knob.value = False, 0
    await streams[name].send(b"whole")
    assert wire.sent == [b"whole"]


async def test_two_may_not_send_at_once_when_one_waits(clock: SteppedClock) -> None:
    wire, first, second = Wire(), Outcome(), Outcome()
    stream = DelayedWriter(wire, 1.0, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(first.run, lambda: stream.send(b"first"))
        await settled()
        tasks.start_soon(second.run, lambda: stream.send(b"second"))
        await clock.advance(1.0)
    assert isinstance(second.error, BusyResourceError)
    assert wire.sent == [b"first"]


async def test_closing_while_a_send_waits_fails_that_send(clock: SteppedClock) -> None:
    wire, sending = Wire(), Outcome()
    stream = ThrottledWriter(wire, 10, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(b"0123456789"))
        await clock.advance(0.35)
        await stream.aclose()
        await clock.advance(1.0)
    assert isinstance(sending.error, ClosedResourceError)
    assert wire.data == b"012"
