"""Settings of many connections: of all open ones, and of new ones."""

from __future__ import annotations

import socket

import pytest

from tests.e2e.conftest import Start
from tests.e2e.conversation import Conversation, address_of, converse
from tests.e2e.measuring import LATENESS_S, receive_exactly, segments_received
from tests.e2e.trixter_process import Trixter

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timing]

DELAY_S = 0.100


def test_all_open_connections_are_changed_by_one_call_and_new_ones_are_not(
    conversation: Conversation,
) -> None:
    with conversation.another() as second:
        conversation.trixter.change("_all", "delay", delay_ms=100)

        for each in (conversation, second):
            assert min(each.upstream_s() for _ in range(3)) >= DELAY_S
        with conversation.another() as new:
            assert min(new.upstream_s() for _ in range(5)) <= LATENESS_S

        conversation.trixter.change("_all", "delay", delay_ms=0)
        for each in (conversation, second):
            assert min(each.upstream_s() for _ in range(5)) <= LATENESS_S


def test_new_connections_start_with_the_defaults_and_open_ones_keep_theirs(
    conversation: Conversation,
) -> None:
    delay = {"delay_ms": 100, "direction": "upstream"}
    conversation.trixter.change_defaults(delay=delay, slice={"size_bytes": 10})

    with conversation.another() as new:
        assert min(new.upstream_s() for _ in range(3)) >= DELAY_S
        assert min(new.downstream_s() for _ in range(5)) <= LATENESS_S
        before = segments_received(new.client)
        new.server.sendall(bytes(1_000))
        receive_exactly(new.client, 1_000)
        assert segments_received(new.client) - before >= 100
    assert min(conversation.upstream_s() for _ in range(5)) <= LATENESS_S


def test_a_refused_call_changes_nothing(trixter: Trixter) -> None:
    before = trixter.api.get("/defaults").json()

    half_wrong = {"delay": {"delay_ms": 60_000}, "termination": {"probability_rate": 1.5}}
    assert trixter.api.patch("/defaults", json=half_wrong).status_code == 400

    assert trixter.api.get("/defaults").json() == before


def test_flags_are_what_connections_start_with(start: Start, upstream: socket.socket) -> None:
    trixter = start(
        f"--upstream={address_of(upstream)}",
        "--delay-ms=100",
        "--slice-size-bytes=10",
        "--throttle-rate-bytes=2000",
    )

    with converse(trixter, upstream) as conversation:
        before = segments_received(conversation.server)
        taken_s = conversation.upstream_s(bytes(1_000))

        # Half a second for a thousand bytes at that rate, and each of them delayed.
        assert taken_s >= 0.5 * 0.99 + DELAY_S
        assert segments_received(conversation.server) - before >= 100
        for stem, off in (("delay", "delay_ms"), ("slice", "size_bytes"), ("throttle", "rate_bytes")):
            conversation.change(stem, **{off: 0})
        assert min(conversation.upstream_s() for _ in range(5)) <= LATENESS_S
