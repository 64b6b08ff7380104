"""A rate counter counts what is read, and changes nothing."""

from __future__ import annotations

from anyio import create_task_group

from tests.netem.streams import Outcome, SteppedClock, Wire
from trixter.netem import RateCountingReader, ThrottledReader


async def test_before_anything_was_read_there_is_no_rate(anyio_backend: object, clock: SteppedClock) -> None:
    stream = RateCountingReader(Wire(), clock=clock)
    assert (stream.total_bytes, stream.rate_bytes_per_s) == (0, 0.0)


async def test_what_came_in_no_time_has_no_rate(clock: SteppedClock) -> None:
    stream = RateCountingReader(Wire(b"abc"), clock=clock)
    assert await stream.receive() == b"abc"
    assert (stream.total_bytes, stream.rate_bytes_per_s) == (3, 0.0)


async def test_it_measures_what_a_throttle_does(clock: SteppedClock) -> None:
    stream = RateCountingReader(ThrottledReader(Wire(bytes(2000)), 1000, clock=clock), clock=clock)
    receiving = Outcome()

    async def receive_all() -> None:
        while stream.total_bytes < 2000:
            await stream.receive()

    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, receive_all)
        await clock.advance(2.1)
    assert (stream.total_bytes, round(stream.rate_bytes_per_s)) == (2000, 1000)


async def test_it_says_since_when_and_counts_anew_after_a_reset(clock: SteppedClock) -> None:
    wire = Wire(b"abc", b"de")
    stream = RateCountingReader(wire, clock=clock)
    assert stream.started_at is None
    began_at = clock.now
    await stream.receive()
    await clock.advance(1)
    assert stream.started_at == began_at
    stream.reset()
    assert (stream.total_bytes, stream.rate_bytes_per_s, stream.started_at) == (0, 0.0, None)
    await stream.receive()
    assert (stream.total_bytes, stream.started_at) == (2, began_at + 1)


async def test_a_reset_while_it_waits_counts_from_what_comes_then(clock: SteppedClock) -> None:
    wire, receiving = Wire(), Outcome()
    stream = RateCountingReader(wire, clock=clock)
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await clock.advance(5)
        stream.reset()
        wire.arrive(b"abc")
    assert (stream.total_bytes, stream.started_at) == (3, clock.now)
