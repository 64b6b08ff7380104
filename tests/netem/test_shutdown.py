"""A shutdowner fails the stream from outside, with the caller's error."""

from __future__ import annotations

import pytest
from anyio import BrokenResourceError, create_task_group

from tests.netem.streams import Outcome, Wire, settled
from trixter.netem import Shutdowner


class Stop(Exception):
    """The caller's."""


async def test_before_that_it_passes_everything_on(anyio_backend: object) -> None:
    wire = Wire(b"in")
    stream = Shutdowner(wire)
    await stream.send(b"out")
    await stream.send_eof()
    assert (await stream.receive(), wire.sent, wire.eof_sent) == (b"in", [b"out"], True)


async def test_every_call_raises_the_callers_error() -> None:
    wire, error = Wire(b"in"), Stop("the test wants it so")
    stream = Shutdowner(wire)
    stream.shutdown(error)
    for call in (stream.receive, lambda: stream.send(b"out"), stream.send_eof, stream.receive):
        with pytest.raises(Stop) as raised:
            await call()
        assert raised.value is error
    assert (wire.sent, wire.eof_sent) == ([], False)


async def test_a_reader_that_waits_is_woken() -> None:
    stream, receiving = Shutdowner(Wire()), Outcome()
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await settled()
        stream.shutdown(Stop())
    assert isinstance(receiving.error, Stop)


async def test_a_writer_that_waits_is_woken() -> None:
    wire, sending = Wire(), Outcome()
    wire.is_full = True
    stream = Shutdowner(wire)
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(b"never"))
        await settled()
        stream.shutdown(Stop())
    assert (type(sending.error), wire.sent) == (Stop, [])


async def test_without_an_error_it_is_a_broken_stream() -> None:
    stream = Shutdowner(Wire())
    stream.shutdown()
    with pytest.raises(BrokenResourceError):
        await stream.receive()


async def test_only_the_first_shutdown_counts() -> None:
    stream = Shutdowner(Wire())
    stream.shutdown(Stop("first"))
    stream.shutdown(Stop("second"))
    with pytest.raises(Stop, match="first"):
        await stream.receive()


async def test_it_can_still_be_closed() -> None:
    wire = Wire()
    stream = Shutdowner(wire)
    stream.shutdown(Stop())
    await stream.aclose()
    assert wire.is_closed


async def test_whoever_is_cancelled_from_outside_is_cancelled() -> None:
    stream, receiving = Shutdowner(Wire()), Outcome()
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await settled()
        receiving.scope.cancel()
    assert (receiving.result, receiving.error) == (None, None)
    assert receiving.scope.cancelled_caught
