"""A slicer sends in pieces, none larger than it says, and the bytes are the same."""

from __future__ import annotations

import pytest
from anyio import ClosedResourceError, create_task_group
from hypothesis import given
from hypothesis import strategies as st

from tests.netem.streams import Outcome, Wire, settled
from trixter.errors import SettingError
from trixter.netem import Knob, SlicedWriter


async def test_a_send_is_cut(anyio_backend: object) -> None:
    wire = Wire()
    await SlicedWriter(wire, 6).send(b"abcdefgh")
    assert wire.sent == [b"abcdef", b"gh"]


async def test_a_send_that_is_a_multiple_leaves_no_empty_piece() -> None:
    wire = Wire()
    await SlicedWriter(wire, 2).send(b"abcd")
    assert wire.sent == [b"ab", b"cd"]


async def test_a_send_of_just_one_piece_is_one() -> None:
    wire = Wire()
    await SlicedWriter(wire, 4).send(b"abcd")
    assert wire.sent == [b"abcd"]


async def test_a_smaller_send_is_left_as_it_is() -> None:
    wire = Wire()
    stream = SlicedWriter(wire, 10)
    await stream.send(b"ab")
    await stream.send(b"cd")
    assert wire.sent == [b"ab", b"cd"]


async def test_nothing_is_collected_from_one_send_to_the_next() -> None:
    wire = Wire()
    stream = SlicedWriter(wire, 3)
    await stream.send(b"abcd")
    await stream.send(b"efgh")
    assert wire.sent == [b"abc", b"d", b"efg", b"h"]


async def test_single_bytes() -> None:
    wire = Wire()
    await SlicedWriter(wire, 1).send(b"abc")
    assert wire.sent == [b"a", b"b", b"c"]


async def test_a_size_of_nothing_is_off() -> None:
    wire = Wire()
    await SlicedWriter(wire, 0).send(b"abcdefgh")
    assert wire.sent == [b"abcdefgh"]


async def test_a_turned_knob_counts_from_the_next_send() -> None:
    wire, knob = Wire(), Knob(4)
    stream = SlicedWriter(wire, knob)
    await stream.send(b"12345678")
    knob.value = 2
    await stream.send(b"zzzz")
    knob.value = 0
    await stream.send(b"whole")
    assert wire.sent == [b"1234", b"5678", b"zz", b"zz", b"whole"]


async def test_nothing_to_send_is_no_piece() -> None:
    wire = Wire()
    await SlicedWriter(wire, 4).send(b"")
    assert wire.data == b""


async def test_the_end_comes_behind_the_pieces() -> None:
    wire = Wire()
    stream = SlicedWriter(wire, 2)
    await stream.send(b"abc")
    await stream.send_eof()
    assert (wire.sent, wire.eof_sent) == ([b"ab", b"c"], True)


async def test_reading_is_not_touched() -> None:
    assert await SlicedWriter(Wire(b"abcdefgh"), 2).receive() == b"abcdefgh"


async def test_a_closed_stream_takes_no_piece() -> None:
    stream = SlicedWriter(Wire(), 2)
    await stream.aclose()
    with pytest.raises(ClosedResourceError):
        await stream.send(b"abc")


async def test_a_send_that_is_cancelled_has_sent_the_pieces_that_were_taken() -> None:
    wire, sending = Wire(), Outcome()
    stream = SlicedWriter(wire, 2)
    wire.is_full = True
    async with create_task_group() as tasks:
        tasks.start_soon(sending.run, lambda: stream.send(b"abcd"))
        await settled()
        sending.scope.cancel()
        await settled()
        wire.is_full = False
        wire.change()
    await stream.send(b"next")
    assert wire.sent == [b"ne", b"xt"]


async def test_bytes_like_objects_are_bytes() -> None:
    wire = Wire()
    stream = SlicedWriter(wire, 2)
    await stream.send(bytearray(b"abc"))  # type: ignore[arg-type]  # AnyIO's streams take them, too
    await stream.send(memoryview(b"def"))  # type: ignore[arg-type]
    assert wire.sent == [b"ab", b"c", b"de", b"f"]


@given(st.lists(st.binary(max_size=50), max_size=5), st.integers(1, 20))
async def test_the_bytes_are_the_same_and_no_piece_is_too_large(
    anyio_backend: object, sends: list[bytes], size_bytes: int
) -> None:
    wire = Wire()
    stream = SlicedWriter(wire, size_bytes)
    for data in sends:
        await stream.send(data)
    assert wire.data == b"".join(sends)
    assert all(len(piece) <= size_bytes for piece in wire.sent)


@pytest.mark.parametrize("value", [-1, 1.5, float("nan"), "1", None, True])
def test_what_is_no_size_is_refused(value: int) -> None:
    with pytest.raises(SettingError):
        SlicedWriter(Wire(), value)
