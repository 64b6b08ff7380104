"""The stream inside an adapter is an attribute, and can be taken back with all that was read from it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from anyio import BusyResourceError, ClosedResourceError, create_task_group

from tests.netem.streams import Outcome, SteppedClock, Wire, settled
from tests.netem.test_bad_input import ALL
from trixter.netem import (
    DelayedReader,
    DelayedWriter,
    ReadInjector,
    Shutdowner,
    ThrottledReader,
    WriteInjector,
    netem,
)
from trixter.netem.adapter import Adapter


@pytest.mark.parametrize("name", sorted(ALL))
async def test_the_stream_comes_back_open_and_the_adapter_is_closed(name: str) -> None:
    wire = Wire(b"unread")
    stream = ALL[name](wire, 1)
    assert stream.inner is wire
    assert stream.unwrap() == (wire, b"")
    for call in (stream.receive, lambda: stream.send(b"x"), stream.send_eof):
        with pytest.raises(ClosedResourceError):
            await call()
    with pytest.raises(ClosedResourceError):
        stream.unwrap()
    await stream.aclose()
    assert not wire.is_closed
    assert await wire.receive() == b"unread"


async def test_what_was_read_and_not_received_comes_with_it(clock: SteppedClock) -> None:
    wire = Wire(b"0123456789")
    stream, receiving = DelayedReader(wire, 5, clock=clock), Outcome()
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await settled()
        receiving.scope.cancel()
    assert stream.unwrap() == (wire, b"0123456789")


async def test_so_does_what_has_left_the_chain_in_part(anyio_backend: object) -> None:
    stream = ThrottledReader(Wire(b"0123456789"), 1e9)
    assert await stream.receive(3) == b"012"
    assert stream.unwrap()[1] == b"3456789"


async def test_and_what_was_injected_for_the_reader(anyio_backend: object) -> None:
    reader, writer = ReadInjector(Wire()), WriteInjector(Wire())
    reader.inject(b"injected")
    writer.inject(b"forgotten")
    assert reader.unwrap()[1] == b"injected"
    assert writer.unwrap()[1] == b""
    await writer.aclose()


@pytest.mark.parametrize("make", [ReadInjector, Shutdowner, lambda wire: DelayedReader(wire, 1)])
async def test_not_while_something_receives(anyio_backend: object, make: Callable[[Wire], Adapter]) -> None:
    wire, receiving = Wire(), Outcome()
    stream = make(wire)
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await settled()
        with pytest.raises(BusyResourceError):
            stream.unwrap()
        receiving.scope.cancel()
    assert stream.unwrap() == (wire, b"")


async def test_not_while_something_sends(clock: SteppedClock) -> None:
    stream, sending = DelayedWriter(Wire(), 1, clock=clock), Outcome()
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(b"x"))
        await settled()
        with pytest.raises(BusyResourceError):
            stream.unwrap()
        sending.scope.cancel()


async def test_a_closed_one_gives_nothing_back(anyio_backend: object) -> None:
    stream = netem(Wire())
    await stream.aclose()
    with pytest.raises(ClosedResourceError):
        stream.unwrap()
