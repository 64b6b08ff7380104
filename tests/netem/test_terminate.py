"""A terminator, once tripped, stays tripped, and raises the same error ever after."""

from __future__ import annotations

from contextlib import suppress

import pytest
from anyio import BrokenResourceError, EndOfStream, create_task_group

from tests.netem.streams import Outcome, Wire, settled
from trixter.errors import SettingError, TrixterError
from trixter.netem import Knob, TerminatedError, Terminator


async def send_often(stream: Terminator, data: bytes = b"ping") -> None:
    """Send until it trips; a test that uses this knows that it does."""
    for _ in range(100_000):
        await stream.send(data)


async def sends_until_tripped(seed: int, probability: float) -> int:
    """Return how many sends got through."""
    stream = Terminator(wire := Wire(), probability, seed=seed)
    with pytest.raises(TerminatedError):
        await send_often(stream)
    return len(wire.sent)


async def test_without_a_chance_it_never_trips(anyio_backend: object) -> None:
    wire = Wire(*[b"in"] * 100)
    stream = Terminator(wire, 0.0)
    for _ in range(100):
        await stream.send(b"out")
        assert await stream.receive() == b"in"
    assert not stream.is_terminated


async def test_with_certainty_the_first_send_trips_it_and_sends_nothing() -> None:
    wire = Wire()
    stream = Terminator(wire, 1.0)
    with pytest.raises(TerminatedError):
        await stream.send(b"ping")
    assert (wire.sent, stream.is_terminated) == ([], True)


async def test_with_certainty_the_first_read_trips_it() -> None:
    with pytest.raises(TerminatedError):
        await Terminator(Wire(b"pong"), 1.0).receive()


async def test_with_certainty_a_read_trips_it_before_there_is_anything_to_read() -> None:
    stream = Terminator(Wire(), 1.0)
    with pytest.raises(TerminatedError):
        await stream.receive()


async def test_a_read_is_struck_as_often_as_it_says_however_often_it_is_tried_again() -> None:
    for seed in range(20):
        outcomes = []
        for tries in (1, 5):
            stream = Terminator(Wire(), 0.3, seed=seed)
            for _ in range(tries):
                receiving = Outcome()
                async with create_task_group() as tasks:
                    tasks.start_soon(receiving.run, stream.receive)
                    await settled()
                    receiving.scope.cancel()
            outcomes.append(stream.is_terminated)
        assert outcomes[0] == outcomes[1]


async def test_with_certainty_the_end_trips_it() -> None:
    wire = Wire()
    with pytest.raises(TerminatedError):
        await Terminator(wire, 1.0).send_eof()
    assert not wire.eof_sent


async def test_an_end_that_is_received_may_trip_it() -> None:
    ends = []
    for seed in range(40):
        wire = Wire()
        wire.end()
        stream = Terminator(wire, 0.3, seed=seed)
        with pytest.raises((EndOfStream, TerminatedError)):
            await stream.receive()
        ends.append(stream.is_terminated)
    assert 0 < sum(ends) < len(ends)


async def test_tripped_by_a_send_it_fails_reads_too() -> None:
    stream = Terminator(Wire(b"pong"), 1.0)
    with pytest.raises(TerminatedError):
        await stream.send(b"ping")
    with pytest.raises(TerminatedError):
        await stream.receive()


async def test_tripped_by_a_read_it_fails_sends_and_the_end_too() -> None:
    wire = Wire(b"pong")
    stream = Terminator(wire, 1.0)
    with pytest.raises(TerminatedError):
        await stream.receive()
    with pytest.raises(TerminatedError):
        await stream.send(b"ping")
    with pytest.raises(TerminatedError):
        await stream.send_eof()
    assert (wire.sent, wire.eof_sent) == ([], False)


async def test_it_is_the_same_error_ever_after() -> None:
    stream, errors = Terminator(Wire(), 1.0), set()
    for _ in range(5):
        with pytest.raises(TerminatedError, match=r"^terminated$") as raised:
            await stream.send(b"ping")
        errors.add(id(raised.value))
    assert len(errors) == 1


async def test_a_lower_chance_does_not_bring_it_back() -> None:
    knob = Knob(1.0)
    stream = Terminator(Wire(), knob)
    with pytest.raises(TerminatedError):
        await stream.send(b"ping")
    knob.value = 0.0
    with pytest.raises(TerminatedError):
        await stream.send(b"ping")


async def test_a_knob_arms_it() -> None:
    knob, wire = Knob(0.0), Wire()
    stream = Terminator(wire, knob)
    await stream.send(b"once")
    knob.value = 1.0
    with pytest.raises(TerminatedError):
        await stream.send(b"twice")
    assert wire.sent == [b"once"]


async def test_the_same_seed_and_the_same_calls_fail_at_the_same_one() -> None:
    assert await sends_until_tripped(7, 0.1) == await sends_until_tripped(7, 0.1)
    assert len({await sends_until_tripped(seed, 0.1) for seed in range(10)}) > 1


async def test_it_trips_as_often_as_it_says() -> None:
    survived = [await sends_until_tripped(seed, 0.1) for seed in range(200)]
    passes = 0.9**2  # a send is two operations
    assert sum(survived) / len(survived) == pytest.approx(passes / (1 - passes), rel=0.25)  # geometric


async def test_a_large_send_is_several_operations() -> None:
    whole = sum([await sends_until_tripped(seed, 0.1) for seed in range(50)])
    wires = [Wire() for _ in range(50)]
    for seed, wire in enumerate(wires):
        stream = Terminator(wire, 0.1, seed=seed)
        with pytest.raises(TerminatedError):
            await send_often(stream, bytes(32 * 1024))
    assert sum(len(wire.data) for wire in wires) == whole * 8 * 1024


async def test_it_can_still_be_closed() -> None:
    wire = Wire()
    stream = Terminator(wire, 1.0)
    with pytest.raises(TerminatedError):
        await stream.send(b"ping")
    await stream.aclose()
    assert wire.is_closed


async def test_what_was_sent_before_it_tripped_was_sent() -> None:
    wire = Wire()
    stream = Terminator(wire, 0.1, seed=7)
    tried: list[bytes] = []
    while not stream.is_terminated:
        tried.append(str(len(tried)).encode())
        with suppress(TerminatedError):
            await stream.send(tried[-1])
    assert wire.sent == tried[:-1]


async def test_a_reader_that_waits_learns_of_it_with_the_next_bytes() -> None:
    wire, receiving = Wire(), Outcome()
    knob = Knob(0.0)
    stream = Terminator(wire, knob)
    async with create_task_group() as tasks:
        tasks.start_soon(receiving.run, stream.receive)
        await settled()
        knob.value = 1.0
        with pytest.raises(TerminatedError):
            await stream.send(b"ping")
        wire.arrive(b"pong")
    assert isinstance(receiving.error, TerminatedError)


def test_whoever_catches_broken_streams_or_ours_catches_it() -> None:
    assert issubclass(TerminatedError, BrokenResourceError)
    assert issubclass(TerminatedError, TrixterError)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "0.5", None, True])
def test_what_is_no_probability_is_refused(value: float) -> None:
    with pytest.raises(SettingError):
        Terminator(Wire(), value)


async def test_a_send_of_nothing_may_trip_it_and_is_one_operation_with_the_next() -> None:
    stream = Terminator(Wire(), 1.0)
    with pytest.raises(TerminatedError):
        await stream.send(b"")
    assert stream.is_terminated
    wire = Wire()
    stream = Terminator(wire, writes=[0, 1, 0])
    await stream.send(b"x")
    with pytest.raises(TerminatedError):
        await stream.send(b"")
    assert wire.sent == [b"x"]
