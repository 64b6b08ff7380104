"""A throttle slows its sender down: what it writes blocks, and its write time-out fires."""

from __future__ import annotations

import socket

import pytest

from tests.e2e.conftest import Start
from tests.e2e.conversation import address_of, converse
from tests.e2e.measuring import unsent_bytes, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

BUFFER_BYTES = 65_536


def test_the_write_timeout_of_a_client_fires(start: Start, upstream: socket.socket) -> None:
    """At 100 KB/s, 20 MB would take minutes; an hour's worth of patience would not help."""
    trixter = start(
        f"--upstream={address_of(upstream)}",
        "--throttle-rate-bytes=100000",
        f"--socket-buffer-bytes={BUFFER_BYTES}",
    )
    with converse(trixter, upstream) as conversation:
        conversation.client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        conversation.client.settimeout(1)
        with pytest.raises(TimeoutError):
            conversation.client.sendall(bytes(20_000_000))
        # The proxy reads no further ahead than its short queue.
        assert conversation.held_bytes()["upstream"] <= 1.5 * 65_536 + 200 * 100


def test_with_the_kernels_own_buffers_a_sender_waits_for_most_of_8_mb(
    start: Start, upstream: socket.socket
) -> None:
    """They hold some megabytes; without the short queue, the proxy swallowed the other four."""
    trixter = start(f"--upstream={address_of(upstream)}", "--throttle-rate-bytes=1000")
    with converse(trixter, upstream) as conversation:
        client = conversation.client
        client.setblocking(False)
        sent = 0

        def is_stuck() -> bool:
            nonlocal sent
            before = sent
            try:
                while sent < 32_000_000:
                    sent += client.send(bytes(65_536))
            except BlockingIOError:
                pass
            return sent == before and unsent_bytes(client) > 0

        wait_until(is_stuck, "the sender to be stopped")
        swallowed_by_us = sent - unsent_bytes(client)
        assert conversation.held_bytes()["upstream"] <= 1.5 * 65_536 + 200 * 100
        assert swallowed_by_us < 8_000_000
