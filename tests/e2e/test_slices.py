"""Slicing, measured where it counts: in the segments that the receiver's kernel sees."""

from __future__ import annotations

import random
import socket
import time

import pytest

from tests.e2e.conversation import Conversation
from tests.e2e.measuring import (
    PATIENCE_S,
    receive_arrivals,
    receive_exactly,
    segments_received,
    wait_until,
    waiting_bytes,
)

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SENT = random.Random(1).randbytes(51_200)


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_each_slice_is_a_segment_of_its_own(conversation: Conversation, direction: str) -> None:
    sender, receiver = _ends(conversation, direction)
    conversation.change("slice", size_bytes=512, direction=direction)

    assert _segments(sender, receiver) >= len(SENT) / 512


def test_it_is_so_while_the_receiver_does_not_read(conversation: Conversation) -> None:
    # Segments that wait in a full window are where a kernel would join them.
    sent = SENT * 40
    conversation.change("slice", size_bytes=1_000, direction="upstream")
    before = segments_received(conversation.server)
    with conversation.sending(conversation.client, sent):
        time.sleep(0.5)
        assert receive_exactly(conversation.server, len(sent)) == sent

    assert segments_received(conversation.server) - before >= len(sent) / 1_000


@pytest.mark.timing
def test_the_other_direction_stays_whole(conversation: Conversation) -> None:
    conversation.change("slice", size_bytes=512, direction="upstream")

    assert _segments(conversation.server, conversation.client) < len(SENT) / 512


@pytest.mark.timing
def test_sizes_vary(conversation: Conversation) -> None:
    # Between 50 and 100 bytes each, with time between them to receive one by one.
    conversation.change("slice", size_bytes=100, variation_bytes=50, gap_ms=5, direction="upstream")
    conversation.client.sendall(SENT[:7_500])

    sizes = [size for _, size in receive_arrivals(conversation.server, 7_500)]

    # The last one is what is left over; a busy machine receives two at once now and then.
    assert all(size >= 50 for size in sizes[:-1])
    assert len({size for size in sizes if size <= 100}) >= 20


def test_a_gap_lies_between_slices(conversation: Conversation) -> None:
    conversation.change("slice", size_bytes=100, gap_ms=20, direction="upstream")

    started_at = time.monotonic()
    conversation.client.sendall(SENT[:1_000])
    arrivals = receive_arrivals(conversation.server, 1_000)

    # Never early: the nth slice is under way for n gaps at least.
    arrived_bytes = 0
    for at, size_bytes in arrivals:
        arrived_bytes += size_bytes
        assert at - started_at >= 0.020 * (arrived_bytes / 100 - 1)


@pytest.mark.timing
def test_removing_it_releases_what_is_under_way_and_joins_segments_again(conversation: Conversation) -> None:
    conversation.change("slice", size_bytes=100, gap_ms=60_000)
    conversation.client.sendall(SENT)
    wait_until(lambda: waiting_bytes(conversation.server) == 100, "the first slice")

    conversation.change("slice", size_bytes=0)

    assert receive_exactly(conversation.server, len(SENT)) == SENT
    assert _segments(conversation.client, conversation.server) < len(SENT) / 512


def test_slices_and_a_throttle_and_latency_together_change_no_byte(conversation: Conversation) -> None:
    conversation.change("slice", size_bytes=700, variation_bytes=600)
    conversation.change("throttle", rate_bytes=100_000)
    conversation.change("delay", delay_ms=50, jitter_ms=50)

    with conversation.sending(conversation.client, SENT):
        assert receive_exactly(conversation.server, len(SENT)) == SENT
    with conversation.sending(conversation.server, SENT):
        assert receive_exactly(conversation.client, len(SENT)) == SENT


def _ends(conversation: Conversation, direction: str) -> tuple[socket.socket, socket.socket]:
    ends = conversation.client, conversation.server
    return ends if direction == "upstream" else ends[::-1]


def _segments(sender: socket.socket, receiver: socket.socket) -> int:
    """Send; return how many segments it came in."""
    before = segments_received(receiver)
    sender.settimeout(PATIENCE_S)
    sender.sendall(SENT)
    assert receive_exactly(receiver, len(SENT)) == SENT
    return segments_received(receiver) - before
