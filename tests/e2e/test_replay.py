"""A run that can be replayed: the seed that was logged decides which operation is the last."""

from __future__ import annotations

import socket

import pytest

from tests.e2e.conftest import Start
from tests.e2e.conversation import address_of, converse
from tests.e2e.measuring import receive_exactly
from tests.e2e.trixter_process import Trixter

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FLAGS = ["--terminate-probability-rate=0.02", "--corrupt-probability-rate=0"]


def test_the_same_seed_ends_each_connection_at_the_same_operation(
    start: Start, upstream: socket.socket
) -> None:
    flags = [f"--upstream={address_of(upstream)}", *FLAGS]
    first = start(*flags)
    seed = first.wait_for_log(r"random seed: (\d+)")[1]
    operations = [_operations_until_reset(first, upstream) for _ in range(5)]

    second = start(*flags, f"--random-seed={seed}")

    assert [_operations_until_reset(second, upstream) for _ in range(5)] == operations


def test_two_connections_of_a_run_do_not_end_at_the_same_operation(
    start: Start, upstream: socket.socket
) -> None:
    trixter = start(f"--upstream={address_of(upstream)}", *FLAGS, "--random-seed=42")

    operations = [_operations_until_reset(trixter, upstream) for _ in range(5)]

    assert len(set(operations)) > 1


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


def _operations_until_reset(trixter: Trixter, upstream: socket.socket) -> int:
    """Ask and answer until it is over; each message is one operation."""
    with converse(trixter, upstream) as conversation:
        for operations in range(5_000):
            try:
                conversation.upstream_s()
                conversation.downstream_s()
            except (ConnectionResetError, BrokenPipeError):
                return operations
    raise AssertionError("two percent of nothing")
