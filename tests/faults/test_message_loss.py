"""Message loss: which bytes are a message, what arrives of a lost one, and what follows."""

from __future__ import annotations

import pytest

from tests.faults.flows import Flow
from trixter.errors import SettingError
from trixter.faults import (
    EOF,
    RESET,
    Close,
    Decision,
    Direction,
    Effect,
    Faults,
    Freeze,
    Latency,
    LoseAnswer,
    LoseRequest,
)
from trixter.faults.actions import Moment
from trixter.faults.fault import kind_name
from trixter.faults.message_loss import MessageLoss
from trixter.faults.replayed import replayed

EACH = [LoseRequest, LoseAnswer]
ALL, SOME = 1.0, 0.3


def converse(flow: Flow, *messages: bytes) -> None:
    """Put messages in, each in reads of two bytes; before each, the other side speaks."""
    for message in messages:
        flow.other.forwarded_bytes += 1
        for at in range(0, len(message), 2):
            flow.put(message[at : at + 2])


@pytest.mark.parametrize("kind", EACH)
def test_nothing_of_a_struck_message_arrives_and_a_reset_follows_what_was_before(
    kind: type[MessageLoss],
) -> None:
    flow = Flow.under(Latency(delay_s=1.0))
    converse(flow, b"first")
    flow.change(Latency(delay_s=1.0), kind(probability=ALL))
    converse(flow, b"second")
    assert flow.departures == []
    flow.put_eof()
    flow.run_dry()
    assert (flow.bytes_out, flow.ended) == (b"first", Close(kind.reason, reset=True))


def test_a_message_lasts_until_the_other_side_speaks_however_it_is_cut() -> None:
    seed = next(seed for seed in range(99) if struck_message(seed) == 3)
    for cuts in ([3, 3, 3], [9, 9, 9], [1, 9, 2]):
        flow = Flow.under(LoseAnswer(probability=SOME), seed=seed)
        for cut in cuts:
            flow.other.forwarded_bytes += 5
            for at in range(0, 9, cut):
                flow.put(b"123456789"[at : at + cut])
        assert flow.bytes_out == b"123456789" * 2
        assert flow.ended == Close("answer lost", reset=True)


def struck_message(seed: int) -> int:
    """Return the number of the message that is struck, of messages of one byte."""
    flow = Flow.under(LoseAnswer(probability=SOME), seed=seed)
    while flow.ended is None:
        converse(flow, b"x")
    return len(flow.pieces) + 1


def test_each_message_is_drawn_once_with_the_probability() -> None:
    lengths = [struck_message(seed) for seed in range(500)]
    assert sum(lengths) / len(lengths) == pytest.approx(1 / SOME, rel=0.1)
    assert lengths[:50] == [struck_message(seed) for seed in range(50)]


@pytest.mark.parametrize("kind", EACH)
def test_messages_that_are_not_struck_pass_and_are_counted(kind: type[MessageLoss]) -> None:
    flow = Flow.under(kind(probability=1e-12))
    converse(flow, b"one", b"two", b"three")
    assert flow.chain.operations() == {kind_name(kind): 3}
    assert kind.units == "messages"
    flow.put_eof()
    assert (flow.bytes_out, flow.ended) == (b"onetwothree", EOF)


@pytest.mark.parametrize("kind", EACH)
def test_in_silence_all_that_follows_is_lost_too(kind: type[MessageLoss]) -> None:
    flow = Flow.under()
    converse(flow, b"first")
    flow.change(kind(probability=ALL, silence=True))
    converse(flow, b"second", b"third")
    assert (flow.bytes_out, flow.ended, flow.chain.held_bytes) == (b"first", None, 0)


def test_the_end_of_a_server_waits_in_silence_for_that_of_the_client() -> None:
    flow = Flow.under(LoseAnswer(probability=ALL, silence=True))
    flow.other.has_ended = False
    converse(flow, b"answer")
    flow.put_eof()
    flow.wait_until(1e6)
    assert (flow.departures, flow.chain.wake_at()) == ([], None)
    assert flow.chain.held_bytes > 0
    flow.other.has_ended = True
    flow.take()
    assert (flow.ended, flow.chain.held_bytes) == (EOF, 0)
    flow.change()  # it is over: nothing more is missing
    assert flow.ended == EOF


@pytest.mark.parametrize(
    ("fault", "has_ended"),
    [
        (LoseAnswer(probability=ALL, silence=True), True),
        (LoseRequest(probability=ALL, silence=True), False),  # it is the client's own
    ],
)
def test_otherwise_an_end_passes_in_silence(fault: MessageLoss, has_ended: bool) -> None:
    flow = Flow.under(fault)
    flow.other.has_ended = has_ended
    converse(flow, b"message")
    flow.put_eof()
    assert [each.action for each in flow.departures] == [EOF]


def test_a_reset_of_the_server_passes_in_silence() -> None:
    flow = Flow.under(LoseAnswer(probability=ALL, silence=True))
    flow.other.has_ended = False
    converse(flow, b"answer")
    flow.put_eof()
    flow.put_reset()
    assert [each.action for each in flow.departures] == [RESET]


@pytest.mark.parametrize("kind", EACH)
def test_a_connection_in_silence_is_reset_when_the_fault_is_taken_away(kind: type[MessageLoss]) -> None:
    decisions: list[Decision] = []
    flow = Flow.under(kind(probability=ALL, silence=True), Latency(delay_s=1.0), on_decision=decisions.append)
    converse(flow, b"lost")
    flow.change(Latency(delay_s=1.0))
    converse(flow, b"late")
    flow.run_dry()
    assert (flow.bytes_out, flow.ended) == (b"", Close(kind.reason, reset=True))
    assert [each.effect for each in decisions[:2]] == [Effect.LOSE, Effect.RESET]


def test_a_fault_that_is_taken_away_before_it_struck_leaves_nothing_behind() -> None:
    flow = Flow.under(LoseAnswer(probability=1e-12))
    converse(flow, b"first")
    flow.change()
    converse(flow, b"second")
    flow.put_eof()
    assert (flow.bytes_out, flow.ended) == (b"firstsecond", EOF)


@pytest.mark.parametrize("silence", [False, True])
def test_the_decision_is_at_the_first_byte_that_is_lost_and_repeats(silence: bool) -> None:
    decisions: list[Decision] = []
    flow = Flow.under(on_decision=decisions.append)
    converse(flow, b"first")
    flow.change(LoseAnswer(probability=ALL, answer_bytes=3, silence=silence))
    converse(flow, b"second")
    (decision,) = decisions
    assert (decision.offset_bytes, decision.moment) == (8, Moment.BYTE)
    assert decision.loses_rest == silence
    again = Flow.under(*replayed(decisions, seed=1))
    again.other.has_ended = False
    again.put(b"firstsecond")
    assert again.bytes_out == flow.bytes_out == b"firstsec"
    again.put_eof()
    assert again.ended == flow.ended
    again.other.has_ended = True
    again.take()
    assert again.ended == (EOF if silence else Close("answer lost", reset=True))


def test_of_two_in_one_read_only_the_first_is_decided() -> None:
    decisions: list[Decision] = []
    late, early = LoseAnswer(probability=ALL, answer_bytes=3), LoseAnswer(probability=ALL, name="early")
    flow = Flow.under(late, early, Freeze(is_on=True), on_decision=decisions.append)
    flow.put(b"answer")
    flow.change()
    assert [(d.effect, d.offset_bytes) for d in decisions if d.kind == "lose_answer"] == [(Effect.RESET, 0)]
    assert (flow.bytes_out, flow.ended) == (b"", Close("answer lost", reset=True))


@pytest.mark.parametrize("kind", EACH)
def test_it_fits_one_direction(kind: type[MessageLoss]) -> None:
    own = Direction.UPSTREAM if kind is LoseRequest else Direction.DOWNSTREAM
    assert [each for each in Direction if kind.fits(each)] == [own]
    assert Faults(kind(probability=ALL), Latency(delay_s=1)).fitting(own.opposite) == Faults(
        Latency(delay_s=1)
    )


@pytest.mark.parametrize(("name", "value"), [("probability", 2), ("silence", 1)])
@pytest.mark.parametrize("kind", EACH)
def test_what_is_out_of_range_is_refused(kind: type[MessageLoss], name: str, value: object) -> None:
    with pytest.raises(SettingError) as caught:
        kind(**{name: value})  # type: ignore[arg-type]
    assert (caught.value.name, caught.value.value) == (name, value)
