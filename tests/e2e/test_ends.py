"""How connections end, seen at both ends: terminated, too old, shut down, reset by a peer, half-closed."""

from __future__ import annotations

import re
import socket
import struct
import time

import pytest

from tests.e2e.conftest import Start
from tests.e2e.conversation import Conversation, address_of, converse
from tests.e2e.measuring import ends_by_reset, receive_all, receive_exactly, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_termination_resets_both_sides(conversation: Conversation, direction: str) -> None:
    conversation.change("termination", probability_rate=1, direction=direction)
    # Only operations in that direction are struck.
    unharmed = (conversation.server, conversation.client)
    sender, receiver = unharmed if direction == "upstream" else unharmed[::-1]
    sender.sendall(b"ping")
    assert receive_exactly(receiver, 4) == b"ping"

    receiver.sendall(b"the last straw")

    assert ends_by_reset(conversation.client)
    assert ends_by_reset(conversation.server)
    assert _reason(conversation) == "terminated"


def test_termination_switched_off_resets_nobody(conversation: Conversation) -> None:
    conversation.change("termination", probability_rate=1)
    conversation.change("termination", probability_rate=0)

    for _ in range(200):
        conversation.upstream_s()
        conversation.downstream_s()


def test_termination_overtakes_what_is_under_way(conversation: Conversation) -> None:
    conversation.change("delay", delay_ms=60_000)
    conversation.server.sendall(b"never seen")
    wait_until(lambda: conversation.held_bytes()["downstream"], "the bytes to be held")
    conversation.change("termination", probability_rate=1)

    conversation.server.sendall(b"the last straw")

    assert ends_by_reset(conversation.client)
    assert ends_by_reset(conversation.server)


def test_a_connection_is_reset_at_the_age_it_was_given(start: Start, upstream: socket.socket) -> None:
    trixter = start(f"--upstream={address_of(upstream)}", "--connection-duration-ms=400")

    started_at = time.monotonic()
    with converse(trixter, upstream) as conversation:
        conversation.upstream_s()
        assert ends_by_reset(conversation.client)
        lasted_s = time.monotonic() - started_at
        assert ends_by_reset(conversation.server)
        assert _reason(conversation) == "duration"

    # It counts from the acceptance, which came after the clock was started.
    assert 0.4 <= lasted_s <= 5


def test_a_targeted_shutdown_closes_that_one_and_logs_why(conversation: Conversation) -> None:
    with conversation.another() as other:
        conversation.trixter.shut_down(conversation.id, "test teardown")

        assert receive_all(conversation.client) == b""
        assert receive_all(conversation.server) == b""
        assert _reason(conversation) == "shutdown: test teardown"
        other.upstream_s()
        other.downstream_s()
        assert [each["conn_info"]["id"] for each in other.trixter.connections()] == [other.id]


def test_a_shutdown_does_not_wait_for_what_is_under_way(conversation: Conversation) -> None:
    conversation.change("delay", delay_ms=60_000)
    conversation.client.sendall(b"never seen")

    conversation.trixter.shut_down(conversation.id, "too slow")

    assert receive_all(conversation.server) == b""
    assert receive_all(conversation.client) == b""


def test_all_connections_are_shut_down_by_one_call(conversation: Conversation) -> None:
    with conversation.another() as second, conversation.another() as third:
        conversation.trixter.shut_down("_all", "everybody out")

        for each in (conversation, second, third):
            assert receive_all(each.client) == receive_all(each.server) == b""
            assert _reason(each) == "shutdown: everybody out"
    assert conversation.trixter.connections() == []


@pytest.mark.parametrize("side", ["client", "upstream"])
def test_a_reset_by_one_side_is_a_reset_to_the_other(conversation: Conversation, side: str) -> None:
    ends = {"client": conversation.client, "upstream": conversation.server}
    resetting = ends.pop(side)
    (other,) = ends.values()
    resetting.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    resetting.close()

    assert ends_by_reset(other)
    assert _reason(conversation) == f"reset by {side}"


def test_each_half_closes_on_its_own(conversation: Conversation) -> None:
    conversation.client.sendall(b"the whole question")
    conversation.client.shutdown(socket.SHUT_WR)
    assert receive_all(conversation.server) == b"the whole question"

    # Its client has nothing more to say, and still hears the answer.
    for _ in range(3):
        conversation.server.sendall(b"part of the answer ")
        assert receive_exactly(conversation.client, 19) == b"part of the answer "
    conversation.server.shutdown(socket.SHUT_WR)

    assert receive_all(conversation.client) == b""
    assert _reason(conversation) == "closed"


def test_the_server_may_close_its_half_first(conversation: Conversation) -> None:
    conversation.server.sendall(b"all I have")
    conversation.server.shutdown(socket.SHUT_WR)
    assert receive_all(conversation.client) == b"all I have"

    for _ in range(3):
        conversation.upstream_s()
    conversation.client.shutdown(socket.SHUT_WR)

    assert receive_all(conversation.server) == b""
    assert _reason(conversation) == "closed"


def test_stopping_the_proxy_ends_every_connection(start: Start, upstream: socket.socket) -> None:
    trixter = start(f"--upstream={address_of(upstream)}")
    with converse(trixter, upstream) as conversation:
        conversation.change("delay", delay_ms=60_000)
        conversation.client.sendall(b"never seen")

        trixter.stop()

        assert receive_all(conversation.client) == receive_all(conversation.server) == b""
        assert _reason(conversation) == "proxy stopped"


def _reason(conversation: Conversation) -> str:
    """Wait for the line that says how it ended; return the reason."""
    return conversation.trixter.wait_for_log(rf"connection {re.escape(conversation.id)} ended: ([^;]+); ")[1]
