"""Latency: a reader delays the first byte of each burst, a writer each send and the close."""

from __future__ import annotations

from datetime import timedelta

import anyio
import pytest
from anyio import ClosedResourceError, EndOfStream, create_task_group

from tests.netem.streams import Outcome, SteppedClock, Wire, settled
from trixter.errors import SettingError
from trixter.netem import DelayedReader, DelayedWriter, Knob


async def test_a_delay_of_nothing_passes_at_once(clock: SteppedClock) -> None:
    wire = Wire(b"in")
    stream = DelayedWriter(DelayedReader(wire, 0, clock=clock), 0, clock=clock)
    await stream.send(b"out")
    assert await stream.receive() == b"in"
    await stream.send_eof()
    await stream.aclose()
    assert (wire.sent, wire.eof_sent, wire.is_closed) == ([b"out"], True, True)


@pytest.mark.parametrize("delay_s", [0.025, "25ms", timedelta(milliseconds=25)])
async def test_a_send_waits_for_the_delay_and_no_longer(
    clock: SteppedClock, delay_s: float | str | timedelta
) -> None:
    wire, sending = Wire(), Outcome()
    stream = DelayedWriter(wire, delay_s, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(b"ping"))
        await clock.advance(0.0249)
        assert (wire.sent, sending.is_done) == ([], False)
        await clock.advance(0.0001)
        assert (wire.sent, sending.is_done) == ([b"ping"], True)


async def test_each_send_is_delayed_anew(clock: SteppedClock) -> None:
    wire, sending = Wire(), Outcome()
    stream = DelayedWriter(wire, 1.0, clock=clock)

    async def send_twice() -> None:
        await stream.send(b"one")
        await stream.send(b"two")

    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, send_twice)
        await clock.advance(1.0)
        assert wire.sent == [b"one"]
        await clock.advance(0.999)
        assert wire.sent == [b"one"]
        await clock.advance(0.001)
        assert wire.sent == [b"one", b"two"]


@pytest.mark.parametrize("ending", ["send_eof", "aclose"])
async def test_an_end_is_delayed(clock: SteppedClock, ending: str) -> None:
    wire, closing = Wire(), Outcome()
    stream = DelayedWriter(wire, 1.0, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(closing.run, getattr(stream, ending))
        await clock.advance(0.999)
        assert (wire.eof_sent, wire.is_closed) == (False, False)
        await clock.advance(0.001)
        assert closing.is_done
    assert (wire.eof_sent, wire.is_closed) == (ending == "send_eof", ending == "aclose")


async def test_a_close_that_is_cancelled_closes_at_once(clock: SteppedClock) -> None:
    wire = Wire()
    await anyio.aclose_forcefully(DelayedWriter(wire, 1.0, clock=clock))
    assert wire.is_closed


async def test_a_second_close_is_not_delayed_again(clock: SteppedClock) -> None:
    wire, closing = Wire(), Outcome()
    stream = DelayedWriter(wire, 1.0, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(closing.run, stream.aclose)
        await clock.advance(1.0)
        await stream.aclose()
    with pytest.raises(ClosedResourceError):
        await stream.send(b"too late")


async def test_turning_a_knob_down_reaches_a_send_that_waits(clock: SteppedClock) -> None:
    wire, sending, knob = Wire(), Outcome(), Knob(10.0)
    stream = DelayedWriter(wire, knob, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(b"ping"))
        await clock.advance(1.0)
        knob.value = 2.0
        await clock.advance(0.999)
        assert not sending.is_done
        await clock.advance(0.001)
        assert sending.is_done


async def test_turning_a_knob_to_nothing_lets_it_go_at_once(clock: SteppedClock) -> None:
    wire, sending, knob = Wire(), Outcome(), Knob(10.0)
    stream = DelayedWriter(wire, knob, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(b"ping"))
        await settled()
        knob.value = 0
        await settled()
        assert wire.sent == [b"ping"]
    await stream.send(b"at once")
    assert wire.sent == [b"ping", b"at once"]


async def test_one_knob_reaches_every_adapter_that_holds_it(clock: SteppedClock) -> None:
    knob, wires, sendings = Knob(0), [Wire(), Wire()], [Outcome(), Outcome()]
    streams = [DelayedWriter(wire, knob, clock=clock) for wire in wires]
    knob.value = 1.0
    async with create_task_group() as tasks:
        for stream, sending in zip(streams, sendings, strict=True):
            tasks.start_soon(sending.run, lambda stream=stream: stream.send(b"x"))
        await clock.advance(0.5)
        assert [wire.sent for wire in wires] == [[], []]
        await clock.advance(0.5)
    assert [wire.sent for wire in wires] == [[b"x"], [b"x"]]


async def test_a_send_that_is_cancelled_while_it_waits_has_sent_nothing(clock: SteppedClock) -> None:
    wire, sending, again = Wire(), Outcome(), Outcome()
    stream = DelayedWriter(wire, 1.0, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(b"never"))
        await clock.advance(0.5)
        sending.scope.cancel()
        await settled()
        tasks.start_soon(again.run, lambda: stream.send(b"again"))
        await clock.advance(10.0)
    assert wire.sent == [b"again"]


async def test_nothing_to_send_is_sent_at_once(clock: SteppedClock) -> None:
    wire = Wire()
    await DelayedWriter(wire, 1.0, clock=clock).send(b"")
    assert wire.data == b""


async def test_the_first_byte_of_a_burst_is_delayed_and_the_others_follow_at_once(
    clock: SteppedClock,
) -> None:
    stream, receiving = DelayedReader(Wire(b"burst"), 0.010, clock=clock), Outcome()
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, lambda: stream.receive(1))
        await clock.advance(0.0099)
        assert not receiving.is_done
        await clock.advance(0.0001)
        assert receiving.result == b"b"
    assert await stream.receive(2) == b"ur"
    assert await stream.receive() == b"st"


async def test_the_next_burst_is_delayed_again(clock: SteppedClock) -> None:
    wire = Wire(b"first", b"second")
    stream, receiving = DelayedReader(wire, 1.0, clock=clock), Outcome()

    async def receive_both() -> bytes:
        return await stream.receive() + await stream.receive()

    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, receive_both)
        await clock.advance(1.999)
        assert not receiving.is_done
        await clock.advance(0.001)
    assert receiving.result == b"firstsecond"


async def test_the_end_is_delayed_like_a_burst_and_stays(clock: SteppedClock) -> None:
    wire, receiving = Wire(), Outcome()
    wire.end()
    stream = DelayedReader(wire, 1.0, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await clock.advance(0.5)
        assert not receiving.is_done
        await clock.advance(0.5)
    assert isinstance(receiving.error, EndOfStream)
    with pytest.raises(EndOfStream):
        await stream.receive()


async def test_a_receive_that_is_cancelled_loses_nothing(clock: SteppedClock) -> None:
    stream, receiving, again = DelayedReader(Wire(b"kept"), 1.0, clock=clock), Outcome(), Outcome()
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await clock.advance(0.5)
        receiving.scope.cancel()
        await settled()
        tasks.start_soon(again.run, stream.receive)
        await clock.advance(0.5)
    assert again.result == b"kept"


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "1", None, True])
@pytest.mark.parametrize("adapter", [DelayedReader, DelayedWriter])
def test_what_is_no_delay_is_refused(adapter: type[DelayedReader | DelayedWriter], value: float) -> None:
    with pytest.raises(SettingError):
        adapter(Wire(), value)
