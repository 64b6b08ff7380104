"""A throttle paces: N bytes take N/rate seconds, and trickle in between."""

from __future__ import annotations

import pytest
from anyio import EndOfStream, create_task_group

from tests.netem.streams import Outcome, SteppedClock, Wire, settled
from trixter.errors import SettingError
from trixter.netem import Knob, ThrottledReader, ThrottledWriter


async def test_no_rate_is_no_limit(clock: SteppedClock) -> None:
    wire = Wire(bytes(100_000))
    stream = ThrottledWriter(ThrottledReader(wire, 0, clock=clock), 0, clock=clock)
    await stream.send(bytes(100_000))
    assert len(wire.data) == 100_000
    assert len(await stream.receive(100_000)) == 100_000


async def test_a_send_takes_as_long_as_its_bytes_take(clock: SteppedClock) -> None:
    wire, sending = Wire(), Outcome()
    stream = ThrottledWriter(wire, 1000, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(bytes(500)))
        await clock.advance(0.499)
        assert not sending.is_done
        await clock.advance(0.002)
        assert sending.is_done
    assert wire.data == bytes(500)


async def test_there_is_no_burst_at_the_start(clock: SteppedClock) -> None:
    wire, sending = Wire(), Outcome()
    stream = ThrottledWriter(wire, 1000, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(bytes(500)))
        await clock.advance(0.01)
        assert len(wire.data) <= 10
        await clock.advance(1)


async def test_bytes_trickle(clock: SteppedClock) -> None:
    wire, sending = Wire(), Outcome()
    stream = ThrottledWriter(wire, 1000, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(bytes(1000)))
        for _ in range(10):
            before = len(wire.data)
            await clock.advance(0.1)
            assert len(wire.data) - before == pytest.approx(100, abs=6)
        await clock.advance(0.001)
    assert sending.is_done


async def test_the_rate_holds_over_many_small_sends(clock: SteppedClock) -> None:
    wire, sending = Wire(), Outcome()
    stream = ThrottledWriter(wire, 1000, clock=clock)

    async def send_often() -> None:
        for _ in range(100):
            await stream.send(bytes(10))

    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, send_often)
        await clock.advance(0.98)
        assert not sending.is_done
        await clock.advance(0.03)
        assert sending.is_done


async def test_a_higher_rate_reaches_a_send_that_waits(clock: SteppedClock) -> None:
    wire, sending, knob = Wire(), Outcome(), Knob(10)
    stream = ThrottledWriter(wire, knob, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(bytes(110)))
        await clock.advance(1.0)
        assert len(wire.data) == pytest.approx(10, abs=1)
        knob.value = 1000
        await clock.advance(0.11)
        assert sending.is_done


async def test_a_lower_rate_reaches_a_send_that_waits(clock: SteppedClock) -> None:
    wire, sending, knob = Wire(), Outcome(), Knob(1000)
    stream = ThrottledWriter(wire, knob, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(bytes(1000)))
        await clock.advance(0.5)
        knob.value = 10
        await clock.advance(1.0)
        assert len(wire.data) == pytest.approx(510, abs=6)
        knob.value = 0
    assert sending.is_done


async def test_without_a_limit_any_more_all_of_it_leaves_at_once(clock: SteppedClock) -> None:
    wire, sending, knob = Wire(), Outcome(), Knob(8)
    stream = ThrottledWriter(wire, knob, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(bytes(1000)))
        await clock.advance(1.0)
        knob.value = 0
        await settled()
        assert (sending.is_done, wire.data) == (True, bytes(1000))


async def test_what_is_read_comes_at_the_rate(clock: SteppedClock) -> None:
    wire, receiving = Wire(bytes(64)), Outcome()
    stream = ThrottledReader(wire, 64, clock=clock)

    async def receive_all() -> bytes:
        data = b""
        while len(data) < 64:
            data += await stream.receive()
        return data

    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, receive_all)
        await clock.advance(0.98)
        assert not receiving.is_done
        await clock.advance(0.03)
    assert receiving.result == bytes(64)


async def test_a_reader_gets_the_first_bytes_before_the_last_have_come(clock: SteppedClock) -> None:
    stream, receiving = ThrottledReader(Wire(bytes(1000)), 100, clock=clock), Outcome()
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await clock.advance(0.1)
    assert 0 < len(receiving.result) <= 10


async def test_more_is_not_read_than_the_rate_needs(clock: SteppedClock) -> None:
    wire, receiving = Wire(bytes(10), bytes(10)), Outcome()
    stream = ThrottledReader(wire, 10, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await clock.advance(0.5)
        assert len(wire.arrived) == 1
        await clock.advance(1.0)


async def test_the_end_comes_behind_the_bytes(clock: SteppedClock) -> None:
    wire, receiving = Wire(bytes(10)), Outcome()
    wire.end()
    stream = ThrottledReader(wire, 10, clock=clock)

    async def receive_all() -> bytes:
        data = b""
        while True:
            try:
                data += await stream.receive()
            except EndOfStream:
                return data

    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, receive_all)
        await clock.advance(0.99)
        assert not receiving.is_done
        await clock.advance(0.02)
    assert receiving.result == bytes(10)


async def test_a_send_that_is_cancelled_has_sent_what_had_left(clock: SteppedClock) -> None:
    wire, sending, again = Wire(), Outcome(), Outcome()
    stream = ThrottledWriter(wire, 10, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(b"0123456789"))
        await clock.advance(0.5)
        sending.scope.cancel()
        await settled()
        had_left = wire.data
        tasks.start_soon(again.run, lambda: stream.send(b"again"))
        await clock.advance(2.0)
    assert 0 < len(had_left) < 10
    assert wire.data == had_left + b"again"
    assert b"0123456789".startswith(had_left)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "1", None, True, 1e-9])
@pytest.mark.parametrize("adapter", [ThrottledReader, ThrottledWriter])
def test_what_is_no_rate_is_refused(adapter: type[ThrottledReader | ThrottledWriter], value: float) -> None:
    with pytest.raises(SettingError):
        adapter(Wire(), value)
