"""Throttling, measured: the rate, how bytes trickle, and what a change does to those under way."""

from __future__ import annotations

import random
import time

import pytest

from tests.e2e.conversation import Conversation
from tests.e2e.measuring import LATENESS_S, receive_arrivals, receive_exactly, waiting_bytes

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timing]

# What the rate may be off by, over two seconds or more.
ERROR = 0.01

TRIES = 10


@pytest.mark.parametrize(
    ("rate_bytes", "size_bytes"), [(2_000, 4_000), (100_000, 200_000), (5_000_000, 10_000_000)]
)
def test_the_rate_is_the_one_asked_for(conversation: Conversation, rate_bytes: int, size_bytes: int) -> None:
    conversation.change("throttle", rate_bytes=rate_bytes, direction="downstream")

    # Never too fast. As for too slow: a busy machine may be late for the last byte, a wrong rate always is.
    for _ in range(TRIES):
        taken_s = _transfer(conversation, size_bytes)[-1][0]
        assert taken_s >= size_bytes / rate_bytes * (1 - ERROR)
        if taken_s <= size_bytes / rate_bytes * (1 + ERROR):
            break
    else:
        pytest.fail(f"{size_bytes} bytes at {rate_bytes} bytes/s took {taken_s:.3f} s, {TRIES} times over")


def test_bytes_trickle(conversation: Conversation) -> None:
    conversation.change("throttle", rate_bytes=100_000)

    arrivals = _transfer(conversation, 100_000)

    # At every moment no more has come than was due: no burst at the start, and no lump ahead of its time.
    arrived_bytes = 0
    for after_s, size_bytes in arrivals:
        arrived_bytes += size_bytes
        assert after_s >= arrived_bytes / 100_000 * (1 - ERROR) - 0.001
    # One every 20 ms at least would be 50; a busy machine joins some.
    assert len(arrivals) >= 25


def test_an_idle_time_earns_nothing(conversation: Conversation) -> None:
    conversation.change("throttle", rate_bytes=10_000)
    _transfer(conversation, 1_000)
    time.sleep(0.5)

    assert _transfer(conversation, 5_000)[-1][0] >= 0.5 * (1 - ERROR)


def test_one_direction_is_throttled_and_the_other_is_not(conversation: Conversation) -> None:
    conversation.change("throttle", rate_bytes=1_000, direction="upstream")

    # Upstream this would take 100 seconds.
    assert _transfer(conversation, 100_000)[-1][0] <= 15


def test_removing_it_releases_all_that_is_under_way(conversation: Conversation) -> None:
    conversation.change("throttle", rate_bytes=1)
    sent = random.Random(1).randbytes(100_000)
    conversation.client.sendall(sent)
    time.sleep(0.2)
    assert waiting_bytes(conversation.server) < 100

    conversation.change("throttle", rate_bytes=0)

    assert receive_exactly(conversation.server, len(sent)) == sent
    assert min(conversation.upstream_s() for _ in range(5)) <= LATENESS_S


def test_another_rate_holds_for_what_is_under_way(conversation: Conversation) -> None:
    conversation.change("throttle", rate_bytes=10)
    sent = random.Random(1).randbytes(20_000)
    conversation.server.sendall(sent)
    time.sleep(0.05)
    assert waiting_bytes(conversation.client) < 1_000

    changed_at = time.monotonic()
    conversation.change("throttle", rate_bytes=20_000)
    arrivals = receive_arrivals(conversation.client, len(sent))

    assert 1 - ERROR <= arrivals[-1][0] - changed_at <= 10


def _transfer(conversation: Conversation, size_bytes: int) -> list[tuple[float, int]]:
    """Send to the client; return how long after the start how many bytes came."""
    sent = bytes(size_bytes)
    with conversation.sending(conversation.server, sent) as started_at:
        arrivals = receive_arrivals(conversation.client, size_bytes)
    return [(at - started_at, size) for at, size in arrivals]
