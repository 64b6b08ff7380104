"""The operations of a connection: its opening, reads, the writes that pass them on, and its ends."""

from __future__ import annotations

import pytest

from tests.proxy.connection_harness import ConnectionHarness, pipes_of
from tests.proxy.waiting import turns
from trixter.faults import NO_FAULTS, Dice, Direction, Faults, Latency, Terminate
from trixter.proxy import EndReason

CERTAIN = Faults(Terminate(probability=1.0))
TERMINATED = EndReason("terminated", reset=True)


@pytest.mark.parametrize(
    ("upstream", "downstream"), [(CERTAIN, NO_FAULTS), (NO_FAULTS, CERTAIN), (CERTAIN, CERTAIN)], ids=repr
)
async def test_with_certainty_a_silent_connection_is_reset_as_soon_as_it_is_open(
    harness: ConnectionHarness, upstream: Faults, downstream: Faults
) -> None:
    harness.set_defaults(upstream, downstream)
    client, _ = harness.connect_client()
    server = harness.server.accept()
    harness.exits.callback(server.close)
    assert await client.receive_reset() == b""
    assert await server.receive_reset() == b""
    assert harness.end_reason == TERMINATED


async def test_one_that_is_open_already_is_struck_at_its_next_operation(harness: ConnectionHarness) -> None:
    client, server, connection = harness.connect()
    for pipe in pipes_of(connection):
        pipe.faults = CERTAIN
    await turns()
    assert harness.end_reason is None
    client.send(b"the next operation")
    assert await client.receive_reset() == b""
    assert await server.receive_reset() == b""
    assert harness.end_reason == TERMINATED


@pytest.mark.parametrize("by_client", [True, False])
async def test_the_end_of_a_direction_can_be_struck(harness: ConnectionHarness, by_client: bool) -> None:
    client, server, connection = harness.connect()
    for pipe in pipes_of(connection):
        pipe.faults = CERTAIN
    finishing, left = (client, server) if by_client else (server, client)
    finishing.finish()
    assert await left.receive_reset() == b""
    assert harness.end_reason == TERMINATED


async def test_a_small_message_there_and_back_is_four_operations(harness: ConnectionHarness) -> None:
    """Two in each direction, behind the opening; the dice say beforehand which one is struck."""
    faults = Faults(Terminate(probability=0.1))
    harness.dice = Dice(8)
    dice = harness.dice.branch("connection 1")
    struck = [dice.branch(each.value).branch("Terminate 0 ").gap(0.1) for each in Direction]
    assert struck == [14, 7], "downstream the opening, two messages, the read of the third, and its write"
    harness.set_defaults(faults, faults)
    client, server, _ = harness.connect()
    for _ in range(2):
        client.send(b"ten bytes.")
        assert await server.receive(10) == b"ten bytes."
        server.send(b"ten more..")
        assert await client.receive(10) == b"ten more.."
    client.send(b"ten bytes.")
    assert await server.receive(10) == b"ten bytes."
    server.send(b"ten more..")
    assert await client.receive_reset() == b""
    assert harness.end_reason == TERMINATED


async def test_the_write_is_drawn_when_the_bytes_are_read(harness: ConnectionHarness) -> None:
    """Latency between the two changes nothing: what is struck never leaves."""
    harness.dice = Dice(seed_whose_second_operation_after_the_opening_is_struck())
    harness.set_defaults(Faults(Terminate(probability=0.2), Latency(delay_s=1.0)))
    client, server, _ = harness.connect()
    client.send(b"read, and struck for its write")
    assert await client.receive_reset() == b""
    assert await server.receive_reset() == b""
    assert harness.clock.next_at is None


def seed_whose_second_operation_after_the_opening_is_struck() -> int:
    def gap(seed: int) -> int:
        dice = Dice(seed).branch("connection 1").branch(Direction.UPSTREAM.value).branch("Terminate 0 ")
        return dice.gap(0.2)

    return next(seed for seed in range(10_000) if gap(seed) == 3)
