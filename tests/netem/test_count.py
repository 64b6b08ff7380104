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
