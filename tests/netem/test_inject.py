"""Injected bytes come before the stream inside is asked."""

from __future__ import annotations

import gc

from anyio import aclose_forcefully, create_task_group

from tests.netem.streams import Outcome, Wire, settled
from trixter.netem import Injector, ReadInjector, WriteInjector, netem


async def test_what_was_injected_is_read_first(anyio_backend: object) -> None:
    stream = ReadInjector(Wire(b"world"))
    stream.inject(b"hel")
    stream.inject(b"lo ")
    assert await stream.receive() == b"hello "
    assert await stream.receive() == b"world"


async def test_no_more_is_read_than_was_asked_for() -> None:
    stream = ReadInjector(Wire())
    stream.inject(b"hello")
    assert [await stream.receive(2), await stream.receive(2), await stream.receive(2)] == [b"he", b"ll", b"o"]


async def test_a_reader_that_waits_gets_what_is_injected_and_loses_nothing() -> None:
    wire = Wire()
    stream, receiving = ReadInjector(wire), Outcome()
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await settled()
        stream.inject(b"now")
        await settled()
    assert receiving.result == b"now"
    wire.arrive(b"later")
    assert await stream.receive() == b"later"


async def test_injecting_nothing_wakes_nobody() -> None:
    wire = Wire()
    stream, receiving = ReadInjector(wire), Outcome()
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await settled()
        stream.inject(b"")
        await settled()
        assert not receiving.is_done
        wire.arrive(b"real")
    assert receiving.result == b"real"


async def test_what_was_injected_is_sent_first() -> None:
    wire = Wire()
    stream = WriteInjector(wire)
    stream.inject(b"stale")
    stream.inject(b"")
    stream.inject(b"frame")
    await stream.send(b"fresh")
    await stream.send(b"again")
    assert wire.sent == [b"stale", b"frame", b"fresh", b"again"]


async def test_what_was_injected_is_sent_before_the_end() -> None:
    wire = Wire()
    stream = WriteInjector(wire)
    stream.inject(b"last")
    await stream.send_eof()
    assert (wire.sent, wire.eof_sent) == ([b"last"], True)


async def test_a_send_that_is_cancelled_repeats_no_injection() -> None:
    wire, sending = Wire(), Outcome()
    stream = WriteInjector(wire)
    stream.inject(b"one")
    stream.inject(b"two")
    wire.is_full = True
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(b"three"))
        await settled()
        sending.scope.cancel()
    wire.is_full = False
    await stream.send(b"four")
    assert wire.sent == [b"two", b"four"]


async def test_the_other_way_is_not_touched() -> None:
    reads, writes = ReadInjector(wire := Wire(b"in")), WriteInjector(Wire(b"in"))
    reads.inject(b"x")
    await reads.send(b"out")
    assert wire.sent == [b"out"]
    writes.inject(b"x")
    assert await writes.receive() == b"in"


async def test_what_was_injected_is_sent_before_it_is_closed() -> None:
    wire = Wire()
    stream = WriteInjector(wire)
    stream.inject(b"last")
    await stream.aclose()
    assert (wire.sent, wire.is_closed) == ([b"last"], True)


async def test_closing_forgets_what_cannot_be_sent_any_more() -> None:
    wire, full = Wire(), Wire()
    stream, stuck = WriteInjector(wire), WriteInjector(full)
    await stream.aclose()
    stream.inject(b"too late")
    await stream.aclose()
    full.is_full = True
    stuck.inject(b"too much")
    await aclose_forcefully(stuck)
    assert (wire.sent, full.sent, full.is_closed) == ([], [], True)


async def test_in_an_expression_an_injector_is_the_far_end(anyio_backend: object) -> None:
    wire, reads, writes = Wire(b"world"), Injector(), Injector()
    reads.inject(b"hello, ")  # kept for the first stream
    stream = netem(wire).inject_reads(reads).inject_writes(writes).slice_writes(4)
    writes.inject(b"before ")
    await stream.send(b"and after")
    assert wire.sent == [b"before ", b"and ", b"afte", b"r"]
    assert [await stream.receive(), await stream.receive()] == [b"hello, ", b"world"]


async def test_an_injector_reaches_a_reader_that_waits(anyio_backend: object) -> None:
    injector, receiving = Injector(), Outcome()
    stream = netem(Wire()).inject_reads(injector)
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await settled()
        injector.inject(b"now")
    assert receiving.result == b"now"


async def test_an_injector_reaches_every_stream_that_is_left(anyio_backend: object) -> None:
    injector = Injector()
    first, second = ReadInjector(Wire(), injector), ReadInjector(Wire(), injector)
    third = WriteInjector(Wire(), injector)
    del third
    gc.collect()
    injector.inject(b"x")
    assert [await first.receive(), await second.receive()] == [b"x", b"x"]
