"""Lose answer: of a message of the server, the first bytes arrive."""

import pytest

from tests.faults.flows import Flow
from trixter.errors import SettingError
from trixter.faults import Close, LoseAnswer

LOST = Close("answer lost", reset=True)


@pytest.mark.parametrize("cut", [1, 3, 4, 9])
def test_exactly_so_many_bytes_of_it_arrive(cut: int) -> None:
    flow = Flow.under(LoseAnswer(probability=1, answer_bytes=4))
    for at in range(0, 9, cut):
        flow.put(b"123456789"[at : at + cut])
    assert (flow.bytes_out, flow.ended) == (b"1234", LOST)


def test_an_answer_of_no_more_bytes_is_left_alone_and_not_drawn() -> None:
    flow = Flow.under(LoseAnswer(probability=1, answer_bytes=4))
    for nth, answer in enumerate((b"1234", b"123", b"12345")):
        assert flow.ended is None
        assert flow.chain.operations()["lose_answer"] == 0
        flow.other.forwarded_bytes = nth
        flow.put(answer)
    assert (flow.bytes_out, flow.ended) == (b"12341231234", LOST)


def test_a_new_number_of_bytes_holds_from_the_next_message_on() -> None:
    flow = Flow.under(LoseAnswer(probability=1, answer_bytes=4))
    flow.put(b"123")
    flow.change(LoseAnswer(probability=1, answer_bytes=1))
    flow.put(b"4")
    flow.other.forwarded_bytes += 1
    flow.put(b"56")
    assert (flow.bytes_out, flow.ended) == (b"12345", LOST)


def test_part_of_a_byte_is_refused() -> None:
    with pytest.raises(SettingError) as caught:
        LoseAnswer(answer_bytes=0.5)  # type: ignore[arg-type]
    assert (caught.value.name, caught.value.value) == ("answer_bytes", 0.5)
