"""Scarce resources: no descriptors are left, or a client does not read."""

from __future__ import annotations

import random
import time
import urllib.request
from contextlib import ExitStack

import pytest

from tests.e2e.conftest import Start
from tests.e2e.conversation import Conversation
from tests.e2e.measuring import receive_exactly, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LIMIT_BYTES = 4 * 1024 * 1024
WIRE_BYTES = 64 * 1024 * 1024
# The limit stops the next read; one is on its way, and each piece costs a little more than its bytes.
ONE_READ_BYTES = 256 * 1024 + 4096


# An odd and an even number: the last descriptor is missed when accepting or when dialling.
@pytest.mark.parametrize("most_descriptors", [64, 65])
def test_a_full_descriptor_table_is_survived(start: Start, echo_port: int, most_descriptors: int) -> None:
    trixter = start(f"--upstream=127.0.0.1:{echo_port}", most_descriptors=most_descriptors)
    health = f"{trixter.api_url}/health"
    assert urllib.request.urlopen(health).read() == b"ok"  # the API has its spare descriptors from then on
    before = trixter.open_descriptors()
    with ExitStack() as clients:
        first = clients.enter_context(trixter.connect())
        for _ in range(100):
            clients.enter_context(trixter.connect())
        trixter.wait_for_log(r"WARNING .*[Tt]oo many open files")

        assert "unreachable" not in trixter.log  # the upstream has nothing to do with it

        # Those that got in are served, and new connections to the API are answered.
        first.sendall(b"ping")
        assert receive_exactly(first, 4) == b"ping"
        for _ in range(3):
            assert urllib.request.urlopen(health).read() == b"ok"
        assert "out of descriptors" not in trixter.log

    # Fewer are as good: the first answer of the API may have been under way when they were counted.
    wait_until(lambda: trixter.open_descriptors() <= before, "all of them to be gone")
    with trixter.connect() as client:
        client.sendall(b"ping")
        assert receive_exactly(client, 4) == b"ping"
    trixter.wait_for_log(r"WARNING .*accepting connections again")
    assert trixter.log.count("WARNING") == 2  # one for the shortage, and one for its end
    # So does the API.
    assert trixter.api.get("/health").text == "ok"
    wait_until(lambda: trixter.connections() == [], "the list of connections to be empty")


@pytest.mark.timing
@pytest.mark.parametrize("delay_ms", [0, 20])
def test_a_client_that_never_reads_slows_no_other_and_costs_bounded_memory(
    conversation: Conversation, delay_ms: int
) -> None:
    conversation.change("delay", delay_ms=delay_ms)
    sent = random.Random(1).randbytes(40_000_000)
    with conversation.another() as other, conversation.sending(conversation.server, sent):
        # Until all buffers on the way are full, and then some.
        most_held_bytes, until = 0, time.monotonic() + 1
        round_trips = 0
        while time.monotonic() < until:
            most_held_bytes = max(most_held_bytes, conversation.held_bytes()["downstream"])
            other.upstream_s()
            other.downstream_s()
            round_trips += 1
        assert 0 < most_held_bytes <= LIMIT_BYTES + ONE_READ_BYTES + (WIRE_BYTES if delay_ms else 0)
        assert round_trips >= 20

        # It was not forgotten: every byte is there when it reads at last.
        assert receive_exactly(conversation.client, len(sent)) == sent
