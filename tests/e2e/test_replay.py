"""A run that can be replayed: the seed that was logged decides which operation is the last."""

from __future__ import annotations

import socket

import pytest

from tests.e2e.conftest import Start
from tests.e2e.conversation import address_of, converse
from tests.e2e.measuring import PATIENCE_S, receive_exactly
from tests.e2e.trixter_process import Trixter

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FLAGS = ["--terminate-probability-rate=0.02", "--corrupt-probability-rate=0"]


def test_the_same_seed_ends_each_connection_at_the_same_operation(
    start: Start, upstream: socket.socket
) -> None:
    flags = [f"--upstream={address_of(upstream)}", *FLAGS]
    first = start(*flags)
    seed = first.wait_for_log(r"random seed: (\d+)")[1]
    messages = [_messages_until_reset(first, upstream) for _ in range(5)]

    second = start(*flags, f"--random-seed={seed}")

    assert [_messages_until_reset(second, upstream) for _ in range(5)] == messages


def test_two_connections_of_a_run_do_not_end_at_the_same_operation(
    start: Start, upstream: socket.socket
) -> None:
    trixter = start(f"--upstream={address_of(upstream)}", *FLAGS, "--random-seed=42")

    messages = [_messages_until_reset(trixter, upstream) for _ in range(5)]

    assert len(set(messages)) > 1


def test_the_same_seed_corrupts_the_same_bytes(start: Start, upstream: socket.socket) -> None:
    received = []
    for _ in range(2):
        trixter = start(f"--upstream={address_of(upstream)}", "--random-seed=7")
        with converse(trixter, upstream) as conversation:
            conversation.change("corruption", probability_rate=0.5, mode="flip")
            for _ in range(20):
                conversation.client.sendall(bytes(1_000))
                received.append(receive_exactly(conversation.server, 1_000))

    assert received[:20] == received[20:]
    assert len(set(received)) > 2


def _messages_until_reset(trixter: Trixter, upstream: socket.socket) -> int:
    """Ask and answer until it is over; each message is two operations, and the opening is one."""
    try:
        client = trixter.connect()
    except ConnectionResetError:  # the opening was struck, and the reset was here before this returned
        upstream.accept()[0].close()
        return 0
    with client, upstream.accept()[0] as server:
        server.settimeout(PATIENCE_S)
        for messages in range(5_000):
            sender, receiver = (server, client) if messages % 2 else (client, server)
            try:
                sender.sendall(b"x")
                receive_exactly(receiver, 1)
            except (ConnectionResetError, BrokenPipeError):
                return messages
    raise AssertionError("two percent of nothing")
