"""Corruption, seen by the receiver: bytes put in front, bytes flipped in place, and none when it is off."""

from __future__ import annotations

import random
import socket

import pytest

from tests.e2e.conversation import Conversation
from tests.e2e.measuring import receive_all, receive_exactly

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

OPERATION_BYTES = 8_192
MOST_INSERTED_BYTES = 16_384
MOST_FLIPPED_BYTES = 8

MESSAGE = random.Random(1).randbytes(1_000)
BULK = random.Random(2).randbytes(3_000_000)


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_inserting_puts_bytes_in_front(conversation: Conversation, direction: str) -> None:
    conversation.change("corruption", probability_rate=1, direction=direction)
    ends = {"upstream": conversation.client, "downstream": conversation.server}
    receivers = {"upstream": conversation.server, "downstream": conversation.client}

    _send_and_hang_up(ends[direction], MESSAGE)

    received = receive_all(receivers[direction])
    assert received.endswith(MESSAGE)
    # Once for the read and once for the write; "hang up" is no operation that corruption strikes.
    assert 2 <= len(received) - len(MESSAGE) <= 2 * MOST_INSERTED_BYTES


def test_flipping_keeps_the_length(conversation: Conversation) -> None:
    conversation.change("corruption", probability_rate=1, mode="flip", direction="upstream")

    for _ in range(50):
        conversation.client.sendall(MESSAGE)
        received = receive_exactly(conversation.server, len(MESSAGE))
        assert 1 <= _differences(MESSAGE, received) <= 2 * MOST_FLIPPED_BYTES
    conversation.server.sendall(MESSAGE)
    assert receive_exactly(conversation.client, len(MESSAGE)) == MESSAGE

    _send_and_hang_up(conversation.client, b"")
    assert receive_all(conversation.server) == b""


def test_a_probability_strikes_that_share_of_operations(conversation: Conversation) -> None:
    conversation.change("corruption", probability_rate=0.25, mode="flip", direction="upstream")
    messages = 800

    struck = 0
    for _ in range(messages):
        conversation.client.sendall(MESSAGE)
        struck += receive_exactly(conversation.server, len(MESSAGE)) != MESSAGE

    # A message is read, and it is written: 1 - 0.75² of 800 is 350, five standard deviations (14 each) around
    # it: wrong once in a million runs.
    assert 280 <= struck <= 420


def test_large_reads_are_struck_operation_by_operation(conversation: Conversation) -> None:
    conversation.change("corruption", probability_rate=1, mode="flip", direction="upstream")

    with conversation.sending(conversation.client, BULK):
        received = receive_exactly(conversation.server, len(BULK))

    # However the proxy's reads fell: each 8 KiB is struck, with one byte flipped at least.
    assert _differences(BULK, received) >= len(BULK) // OPERATION_BYTES


def test_switched_off_every_byte_is_right_again(conversation: Conversation) -> None:
    conversation.change("corruption", probability_rate=1, mode="flip")
    conversation.client.sendall(MESSAGE)
    assert receive_exactly(conversation.server, len(MESSAGE)) != MESSAGE

    conversation.change("corruption", probability_rate=0)

    for sender, receiver in (
        (conversation.client, conversation.server),
        (conversation.server, conversation.client),
    ):
        with conversation.sending(sender, BULK):
            assert receive_exactly(receiver, len(BULK)) == BULK


def _send_and_hang_up(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def _differences(one: bytes, other: bytes) -> int:
    assert len(one) == len(other)
    return sum(a != b for a, b in zip(one, other, strict=True))
