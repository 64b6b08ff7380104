"""Latency, measured: never early, in the directions asked for, and at once for what is under way."""

from __future__ import annotations

import random
import time

import pytest

from tests.e2e.conversation import Conversation
from tests.e2e.measuring import (
    LATENESS_S,
    receive_all,
    receive_arrivals,
    receive_exactly,
    waiting_bytes,
)

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timing]

DELAY_S = 0.100
TRIES = 6


def test_both_directions_are_delayed_so_a_round_trip_takes_twice_as_long(conversation: Conversation) -> None:
    conversation.change("delay", delay_ms=100)

    taken = [(conversation.upstream_s(), conversation.downstream_s()) for _ in range(TRIES)]

    for direction in zip(*taken, strict=True):
        assert min(direction) >= DELAY_S
        assert min(direction) <= DELAY_S + LATENESS_S


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_one_direction_is_delayed_and_the_other_is_not(conversation: Conversation, direction: str) -> None:
    conversation.change("delay", delay_ms=100, direction=direction)

    taken = {
        "upstream": [conversation.upstream_s() for _ in range(TRIES)],
        "downstream": [conversation.downstream_s() for _ in range(TRIES)],
    }

    assert DELAY_S <= min(taken.pop(direction)) <= DELAY_S + LATENESS_S
    (other,) = taken.values()
    assert min(other) <= LATENESS_S


def test_jitter_stays_within_its_range_and_uses_it(conversation: Conversation) -> None:
    conversation.change("delay", delay_ms=50, jitter_ms=40)

    taken = [conversation.upstream_s() for _ in range(40)]

    assert min(taken) >= 0.010
    # 40 uniform draws between 10 and 90 ms: they cannot all be small, nor all large.
    assert max(taken) >= 0.060
    assert min(taken) <= 0.040 + LATENESS_S
    assert sorted(taken)[len(taken) // 2] <= 0.090 + LATENESS_S


def test_jitter_does_not_reorder(conversation: Conversation) -> None:
    conversation.change("delay", delay_ms=20, jitter_ms=20)
    sent = random.Random(1).randbytes(100_000)

    for start in range(0, len(sent), 1000):
        conversation.client.sendall(sent[start : start + 1000])
        time.sleep(0.001)

    assert receive_exactly(conversation.server, len(sent)) == sent


def test_latency_does_not_cap_throughput(conversation: Conversation) -> None:
    # Half a second of latency and 4 MB: waiting for each of the 64 KiB reads would take half a minute.
    conversation.change("delay", delay_ms=500)
    sent = random.Random(2).randbytes(4_000_000)

    with conversation.sending(conversation.client, sent) as started_at:
        arrivals = receive_arrivals(conversation.server, len(sent))

    assert arrivals[0][0] - started_at >= 0.5
    assert arrivals[-1][0] - started_at <= 5


def test_removing_it_releases_what_is_under_way(conversation: Conversation) -> None:
    conversation.change("delay", delay_ms=60_000)
    conversation.client.sendall(b"to the server")
    conversation.server.sendall(b"to the client")
    time.sleep(0.2)
    assert waiting_bytes(conversation.client) == waiting_bytes(conversation.server) == 0

    conversation.change("delay", delay_ms=0)

    assert receive_exactly(conversation.server, 13) == b"to the server"
    assert receive_exactly(conversation.client, 13) == b"to the client"
    assert min(conversation.upstream_s() for _ in range(TRIES)) <= LATENESS_S


def test_shortening_it_counts_from_the_arrival_of_what_is_under_way(conversation: Conversation) -> None:
    conversation.change("delay", delay_ms=60_000)
    started_at = time.monotonic()
    conversation.client.sendall(b"ping")
    time.sleep(0.2)

    conversation.change("delay", delay_ms=400)

    assert receive_exactly(conversation.server, 4) == b"ping"
    assert 0.4 <= time.monotonic() - started_at <= 5


def test_the_end_is_delayed_alike(conversation: Conversation) -> None:
    conversation.change("delay", delay_ms=100)
    started_at = time.monotonic()
    conversation.client.sendall(b"last words")
    conversation.client.close()

    assert receive_all(conversation.server) == b"last words"
    assert time.monotonic() - started_at >= DELAY_S


def test_each_connection_has_its_own(conversation: Conversation) -> None:
    conversation.change("delay", delay_ms=60_000)

    with conversation.another() as other:
        assert min(other.upstream_s() for _ in range(TRIES)) <= LATENESS_S
