"""A corrupter puts random bytes in front of an operation, on the way out and on the way in."""

from __future__ import annotations

import pytest

from tests.netem.streams import Wire
from trixter.errors import SettingError
from trixter.netem import Corrupter, Knob


async def sent_by(seed: int, probability: float = 0.5) -> list[bytes]:
    """Return what a fixed number of sends becomes."""
    wire = Wire()
    stream = Corrupter(wire, probability, seed=seed)
    for _ in range(20):
        await stream.send(b"ping")
    return wire.sent


async def test_without_a_chance_nothing_is_touched(anyio_backend: object) -> None:
    wire = Wire(b"pong")
    stream = Corrupter(wire, 0.0)
    await stream.send(b"ping")
    assert (wire.sent, await stream.receive()) == ([b"ping"], b"pong")


async def test_noise_comes_before_what_is_sent() -> None:
    wire = Wire()
    await Corrupter(wire, 1.0, seed=1).send(b"ping")
    assert wire.data.endswith(b"ping")
    assert 1 <= len(wire.data) - 4 <= 16_384


async def test_noise_comes_before_what_is_read() -> None:
    stream, received = Corrupter(Wire(b"pong"), 1.0, seed=1), b""
    while not received.endswith(b"pong"):
        received += await stream.receive(1000)
    assert len(received) > 4


async def test_some_are_struck_and_some_are_not() -> None:
    sent = await sent_by(1)
    assert {len(data) > 4 for data in sent} == {True, False}
    assert all(data.endswith(b"ping") for data in sent)


async def test_the_same_seed_and_the_same_calls_give_the_same_bytes() -> None:
    assert await sent_by(7) == await sent_by(7)
    assert await sent_by(7) != await sent_by(8)


async def test_reads_and_writes_have_luck_of_their_own() -> None:
    wire = Wire(*[b"x"] * 20)
    stream = Corrupter(wire, 0.5, seed=7)
    for _ in range(20):
        await stream.receive(20_000)  # must not change what writes draw
        await stream.send(b"ping")
    assert wire.sent == await sent_by(7)


async def test_a_knob_switches_it_on_and_off() -> None:
    wire, knob = Wire(), Knob(0.0)
    stream = Corrupter(wire, knob, seed=1)
    for probability in (0.0, 1.0, 0.0):
        knob.value = probability
        await stream.send(b"ping")
    assert [len(data) > 4 for data in wire.sent] == [False, True, False]


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "0.5", None, True])
def test_what_is_no_probability_is_refused(value: float) -> None:
    with pytest.raises(SettingError):
        Corrupter(Wire(), value)
