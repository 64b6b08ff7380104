"""A source gives each call its own number: scripts, counters, and whatever else a test thinks of."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from anyio import create_task_group

from tests.netem.streams import Outcome, SteppedClock, Wire, settled
from trixter.errors import SettingError
from trixter.netem import (
    Corrupter,
    DelayedReader,
    DelayedWriter,
    Knob,
    SlicedWriter,
    TerminatedError,
    Terminator,
    ThrottledReader,
    ThrottledWriter,
    netem,
)
from trixter.netem.knob import Source, setting_of


async def test_exactly_the_second_write_is_corrupted(anyio_backend: object) -> None:
    wire = Wire(b"never corrupted", b"not this, either")
    stream = Corrupter(wire, writes=[0, 1], seed=1)
    for message in (b"one", b"two", b"three", b"four"):
        await stream.send(message)
        if wire.arrived:
            assert await stream.receive() in (b"never corrupted", b"not this, either")
    assert [wire.sent[0], *wire.sent[-2:]] == [b"one", b"three", b"four"]
    struck = b"".join(wire.sent[1:-2])
    assert struck.endswith(b"two")
    assert len(struck) > 3


async def test_exactly_the_second_read_fails(anyio_backend: object) -> None:
    wire = Wire(b"one", b"two")
    stream = Terminator(wire, reads=[0, 1])
    for _ in range(3):
        await stream.send(b"sent")
    assert await stream.receive() == b"one"
    with pytest.raises(TerminatedError):
        await stream.receive()


async def test_a_direction_of_its_own_takes_the_place_of_the_value_for_both(anyio_backend: object) -> None:
    assert await Terminator(Wire(b"x"), 1, reads=0).receive() == b"x"
    with pytest.raises(TerminatedError):
        await Terminator(Wire(), 0, writes=1).send(b"x")
    with pytest.raises(TerminatedError):
        await Terminator(Wire(b"x"), 1, writes=0).receive()


async def test_an_iterable_for_both_directions_is_one_script(anyio_backend: object) -> None:
    stream = Terminator(Wire(b"x"), [0, 0, 1])
    await stream.send(b"first")
    assert await stream.receive() == b"x"
    with pytest.raises(TerminatedError):
        await stream.send(b"third")


async def test_each_send_is_cut_by_its_own_size(anyio_backend: object) -> None:
    wire = Wire()
    stream = netem(wire).slice_writes(itertools.cycle([2, 3]))
    for _ in range(3):
        await stream.send(b"abcdef")
    assert wire.sent == [b"ab", b"cd", b"ef", b"abc", b"def", b"ab", b"cd", b"ef"]


async def test_a_function_is_called_once_for_each_call(anyio_backend: object) -> None:
    asked = 0

    def size_bytes() -> int:
        nonlocal asked
        asked += 1
        return asked

    wire = Wire()
    stream = SlicedWriter(wire, size_bytes)
    await stream.send(b"ab")
    await stream.send(b"abcd")
    await stream.send_eof()
    assert (wire.sent, asked) == ([b"a", b"b", b"ab", b"cd"], 3)


async def took_s(clock: SteppedClock, call: Callable[[], Any]) -> float:
    """Return how long it takes, to a second."""
    outcome, began_at = Outcome(), clock.now
    async with create_task_group() as tasks:
        tasks.start_soon(outcome.run, call)
        await settled()
        while not outcome.is_done:
            await clock.advance(1)
    assert outcome.error is None
    return clock.now - began_at


async def test_each_send_and_the_close_have_their_own_delay(clock: SteppedClock) -> None:
    stream = DelayedWriter(Wire(), [3, 0, 2, 4], clock=clock)
    calls: list[Callable[[], Any]] = [
        lambda: stream.send(b"x"),
        lambda: stream.send(b"x"),
        stream.send_eof,
        stream.aclose,
    ]
    assert [await took_s(clock, call) for call in calls] == [3, 0, 2, 4]


async def test_each_receive_has_its_own_delay_and_the_last_of_a_script_is_followed_by_none(
    clock: SteppedClock,
) -> None:
    stream = DelayedReader(Wire(b"x", b"x", b"x", b"x"), (2, 1), clock=clock)
    assert [await took_s(clock, stream.receive) for _ in range(4)] == [2, 1, 0, 0]


async def test_each_call_has_its_own_rate(clock: SteppedClock) -> None:
    writer = ThrottledWriter(Wire(), iter([10, 0, 5]), clock=clock)
    assert [await took_s(clock, lambda: writer.send(bytes(10))) for _ in range(3)] == [1, 0, 2]
    reader = ThrottledReader(Wire(b"x"), [1], clock=clock)
    assert await took_s(clock, reader.receive) == 1


@pytest.mark.parametrize("value", [-1, float("nan"), 2, "1", None])
async def test_a_number_that_the_fault_cannot_take_is_refused_at_the_call(
    anyio_backend: object, value: Any
) -> None:
    wire = Wire()
    stream = Corrupter(wire, writes=[0, value])
    await stream.send(b"one")
    with pytest.raises(SettingError, match="probability must be"):
        await stream.send(b"two")
    await stream.send(b"three")
    assert wire.sent == [b"one", b"three"]


def test_a_setting_is_a_number_a_knob_or_a_source() -> None:
    knob, source = Knob(1), Source([1])
    assert setting_of(knob) is knob
    assert setting_of(source) is source
    assert isinstance(setting_of(0.5), Knob)
    for given in ([1], (1,), iter([1]), lambda: 1):
        made = setting_of(given)
        assert isinstance(made, Source)
        assert made.next() == 1
    for none in ("1", b"1", None, True):
        with pytest.raises(SettingError):
            setting_of(none)  # type: ignore[arg-type]
