"""Adapters stack in any order, and pass on what is not theirs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from anyio import EndOfStream, create_task_group
from anyio.abc import ByteReceiveStream, ByteSendStream
from hypothesis import given
from hypothesis import strategies as st

from tests.netem.streams import WIRE, Outcome, SteppedClock, Wire
from trixter.netem import (
    Corrupter,
    DelayedReader,
    DelayedWriter,
    Knob,
    RateCountingReader,
    ReadInjector,
    Shutdowner,
    SlicedWriter,
    Terminator,
    ThrottledReader,
    ThrottledWriter,
    WriteInjector,
    netem,
)
from trixter.netem.adapter import Adapter

SRC = Path(__file__).parents[2] / "src"

HARMLESS: dict[str, Callable[[Adapter | Wire, SteppedClock], Adapter]] = {
    "delayed reader": lambda stream, clock: DelayedReader(stream, 0.010, clock=clock),
    "delayed writer": lambda stream, clock: DelayedWriter(stream, 0.010, clock=clock),
    "throttled reader": lambda stream, clock: ThrottledReader(stream, 10_000, clock=clock),
    "throttled writer": lambda stream, clock: ThrottledWriter(stream, 10_000, clock=clock),
    "sliced writer": lambda stream, clock: SlicedWriter(stream, 7),
    "corrupter": lambda stream, clock: Corrupter(stream, 0.0),
    "terminator": lambda stream, clock: Terminator(stream, 0.0),
    "read injector": lambda stream, clock: ReadInjector(stream),
    "write injector": lambda stream, clock: WriteInjector(stream),
    "shutdowner": lambda stream, clock: Shutdowner(stream),
    "counter": lambda stream, clock: RateCountingReader(stream, clock=clock),
}


@given(
    stack=st.lists(st.sampled_from(sorted(HARMLESS)), max_size=4),
    sends=st.lists(st.binary(max_size=30), max_size=4),
    receiving=st.lists(st.binary(min_size=1, max_size=30), max_size=4),
)
async def test_any_stack_carries_the_same_bytes(
    anyio_backend: object, stack: list[str], sends: list[bytes], receiving: list[bytes]
) -> None:
    clock, wire, talking = SteppedClock(), Wire(*receiving), Outcome()
    wire.end()
    stream: Adapter | Wire = wire
    for name in stack:
        stream = HARMLESS[name](stream, clock)

    async def talk() -> bytes:
        for data in sends:
            await stream.send(data)
        await stream.send_eof()
        received = b""
        while True:
            try:
                received += await stream.receive(11)
            except EndOfStream:
                await stream.aclose()
                return received

    async with create_task_group() as tasks:
        tasks.start_soon(talking.run, talk)
        for _ in range(200):
            if not talking.is_done:
                await clock.advance(0.05)
        tasks.cancel_scope.cancel()
    assert talking.error is None
    assert talking.result == b"".join(receiving)
    assert (wire.data, wire.eof_sent, wire.is_closed) == (b"".join(sends), True, True)


async def test_the_fluent_form_is_the_same_stack() -> None:
    wire = Wire(b"in")
    stream = (
        netem(wire).slice_writes(2).throttle_writes(0).throttle_reads(0).delay_reads(0).delay_writes(Knob(0))
    )
    await stream.send(b"abc")
    assert (wire.sent, await stream.receive()) == ([b"ab", b"c"], b"in")
    noisy = Wire()
    await netem(noisy).corrupt(1.0, seed=1).terminate(0.0, seed=1, reset=True).send(b"x")
    assert len(noisy.data) > 1


@pytest.mark.parametrize("name", sorted(HARMLESS))
def test_extra_attributes_pass_through(name: str) -> None:
    wire = Wire()
    assert HARMLESS[name](wire, SteppedClock()).extra(WIRE) == id(wire)


class OnlyReceives(ByteReceiveStream):
    async def receive(self, max_bytes: int = 65536) -> bytes:
        return b"abcdef"[:max_bytes]

    async def aclose(self) -> None: ...


class OnlySends(ByteSendStream):
    def __init__(self) -> None:
        self.sent: list[bytes] = []

    async def send(self, item: bytes) -> None:
        self.sent.append(item)

    async def aclose(self) -> None: ...


async def test_half_a_stream_makes_half_an_adapter() -> None:
    assert await DelayedReader(OnlyReceives(), 0).receive(3) == b"abc"
    assert await Corrupter(OnlyReceives(), 0).receive(3) == b"abc"
    half = OnlySends()
    await SlicedWriter(half, 2).send(b"abc")
    assert half.sent == [b"ab", b"c"]


def test_importing_it_imports_no_proxy_no_api_and_no_web_framework() -> None:
    program = "import sys, trixter.netem; print(*sys.modules)"
    bare = {"PYTHONPATH": str(SRC)}
    run = subprocess.run(
        [sys.executable, "-c", program], env=bare, capture_output=True, text=True, check=True
    )
    unwanted = {"trixter.proxy", "trixter.api", "trixter.cli", "starlette", "uvicorn", "uvloop", "msgspec"}
    assert unwanted.isdisjoint(run.stdout.split())
