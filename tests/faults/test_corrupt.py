"""Corrupt: wrong bytes."""

from math import inf, nan

import pytest

from tests.faults.flows import Flow, sent
from trixter.errors import SettingError
from trixter.faults import EOF, Corrupt, CorruptMode
from trixter.faults.corrupt import MOST_INSERTED_BYTES
from trixter.faults.probabilistic import OPERATION_BYTES


def test_insert_puts_noise_in_front_of_what_is_struck_for_its_read_and_for_its_write() -> None:
    flow = Flow.under(Corrupt(probability=1.0))
    flow.put(b"payload")
    assert flow.bytes_out.endswith(b"payload")
    assert 2 <= len(flow.bytes_out) - len(b"payload") <= 2 * MOST_INSERTED_BYTES


def test_insert_strikes_a_read_before_there_is_something() -> None:
    flow = Flow.under(Corrupt(probability=1.0))
    flow.chain.begin_read(0.0)
    flow.take()
    assert 1 <= len(flow.bytes_out) <= MOST_INSERTED_BYTES


def test_flip_waits_for_something_to_flip() -> None:
    flow = Flow.under(Corrupt(probability=1.0, mode=CorruptMode.FLIP))
    flow.chain.begin_read(0.0)
    flow.take()
    assert flow.bytes_out == b""
    flow.put(b"x")
    assert len(flow.bytes_out) == 1
    assert flow.bytes_out != b"x"


def test_it_strikes_neither_the_opening_nor_the_end() -> None:
    flow = Flow.under(Corrupt(probability=1.0))
    flow.chain.open(0.0)
    flow.put_eof()
    assert [departure.action for departure in flow.departures] == [EOF]


def test_what_is_inserted_has_every_size_up_to_the_original_s() -> None:
    flow = Flow.under(Corrupt(probability=1.0))
    sizes = []
    for _ in range(500):
        flow.chain.begin_read(0.0)
        sizes.append(len(sent(flow.take())))
        flow.put(b"x")
    assert MOST_INSERTED_BYTES == 16_384
    assert min(sizes) < 200
    assert max(sizes) > 16_200


def test_flip_changes_bytes_in_place_and_keeps_the_length() -> None:
    for seed in range(50):
        flow = Flow.under(Corrupt(probability=1.0, mode=CorruptMode.FLIP), seed=seed)
        payload = bytes(range(100))
        flow.put(payload)
        changed = sum(a != b for a, b in zip(flow.bytes_out, payload, strict=True))
        assert 1 <= changed <= 16


def test_each_operation_of_a_read_is_spoilt_on_its_own() -> None:
    first, second = b"a" * OPERATION_BYTES, b"b" * 100
    flow = Flow.under(Corrupt(probability=1.0, mode=CorruptMode.FLIP))
    flow.put(first + second)
    assert [len(piece) for piece in flow.pieces] == [OPERATION_BYTES, 100]
    assert all(piece != whole for piece, whole in zip(flow.pieces, [first, second], strict=True))
    flow = Flow.under(Corrupt(probability=1.0))
    flow.put(first + second)
    assert [piece.endswith(end) for piece, end in zip(flow.pieces, [first, second], strict=True)] == [
        True,
        True,
    ]


def test_flip_always_changes_even_a_single_byte() -> None:
    for seed in range(50):
        flow = Flow.under(Corrupt(probability=1.0, mode=CorruptMode.FLIP), seed=seed)
        flow.put(b"x")
        assert len(flow.bytes_out) == 1
        assert flow.bytes_out != b"x"


def test_the_same_seed_spoils_the_same_bytes_alike() -> None:
    def run(seed: int) -> bytes:
        flow = Flow.under(Corrupt(probability=0.3), seed=seed)
        for _ in range(50):
            flow.put(b"payload")
        return flow.bytes_out

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_a_fault_that_comes_back_does_not_repeat_itself() -> None:
    flow = Flow.under(Corrupt(probability=1.0))
    flow.put(b"x")
    flow.change()
    flow.change(Corrupt(probability=1.0))
    flow.put(b"x")
    assert len(set(flow.pieces)) == 2


def test_the_mode_can_change_while_it_is_on() -> None:
    flow = Flow.under(Corrupt(probability=1.0))
    flow.change(Corrupt(probability=1.0, mode=CorruptMode.FLIP))
    flow.put(b"abc")
    assert len(flow.bytes_out) == 3


@pytest.mark.parametrize("value", ["insert", None, 1])
def test_a_mode_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(SettingError) as caught:
        Corrupt(probability=0.5, mode=value)  # type: ignore[arg-type]
    assert (caught.value.name, caught.value.value) == ("mode", value)


@pytest.mark.parametrize("value", [-0.1, 1.1, nan, inf, "0.5", None, True])
def test_a_bad_probability_is_refused(value: object) -> None:
    with pytest.raises(SettingError) as caught:
        Corrupt(probability=value)  # type: ignore[arg-type]
    assert caught.value.name == "probability"
    assert caught.value.value is value
