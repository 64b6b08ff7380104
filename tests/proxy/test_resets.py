"""A reset by one side is a reset to the other, behind what was sent before it."""

from __future__ import annotations

import pytest

from tests.proxy.connection_harness import ConnectionHarness, pipes_of
from tests.proxy.odd_faults import Idle
from tests.proxy.peers import PAYLOAD, Peer, clog
from tests.proxy.waiting import turns, until
from trixter.faults import (
    NO_FAULTS,
    Decision,
    Direction,
    Effect,
    Faults,
    Freeze,
    Latency,
    Slice,
    StageOrder,
    Throttle,
)
from trixter.faults.actions import Moment, Place
from trixter.faults.replayed import Replayed
from trixter.proxy import EndReason, closing

SLOW = Faults(Latency(delay_s=1.0))
THROTTLED = Faults(Throttle(rate_bytes_per_s=1.0))
SLICED = Faults(Slice(size_bytes=3, gap_s=1.0))
RESET_BY_CLIENT = EndReason("reset by client", reset=True)
RESET_BY_UPSTREAM = EndReason("reset by upstream", reset=True)


@pytest.mark.parametrize("faults", [NO_FAULTS, Faults(Idle())], ids=["calm", "chain"])
@pytest.mark.parametrize("by_client", [True, False])
async def test_a_reset_is_passed_on_at_once(
    harness: ConnectionHarness, faults: Faults, by_client: bool
) -> None:
    harness.set_defaults(faults, faults)
    client, server, _ = harness.connect()
    lost, left = (client, server) if by_client else (server, client)
    lost.reset()
    assert await left.receive_reset() == b""
    assert harness.end_reason == (RESET_BY_CLIENT if by_client else RESET_BY_UPSTREAM)
    assert harness.clock.next_at is None


@pytest.mark.parametrize("by_client", [True, False])
async def test_a_reset_takes_as_long_as_a_byte(harness: ConnectionHarness, by_client: bool) -> None:
    harness.set_defaults(SLOW, SLOW)
    client, server, connection = harness.connect()
    lost, left = (client, server) if by_client else (server, client)
    lost.reset()
    await until(lambda: any(pipe.held_bytes for pipe in pipes_of(connection)))
    harness.clock.advance(0.999)
    assert harness.end_reason is None
    harness.clock.advance(0.001)
    assert await left.receive_reset() == b""
    assert harness.end_reason == (RESET_BY_CLIENT if by_client else RESET_BY_UPSTREAM)
    assert harness.clock.next_at is None


@pytest.mark.parametrize("faults", [SLOW, THROTTLED, SLICED], ids=["slow", "throttled", "sliced"])
@pytest.mark.parametrize("by_client", [True, False])
async def test_what_is_held_leaves_before_a_reset_that_came_behind_it(
    harness: ConnectionHarness, faults: Faults, by_client: bool
) -> None:
    harness.set_defaults(faults, faults)
    client, server, connection = harness.connect()
    lost, left = (client, server) if by_client else (server, client)
    lost.send(b"last words")
    await until(lambda: any(pipe.held_bytes for pipe in pipes_of(connection)))
    lost.reset()
    assert await harness.receive_reset_in_time(left) == b"last words"
    assert harness.end_reason == (RESET_BY_CLIENT if by_client else RESET_BY_UPSTREAM)


async def test_what_is_held_for_a_peer_that_reset_is_dropped_and_its_sender_no_longer_read(
    harness: ConnectionHarness,
) -> None:
    harness.set_defaults(SLOW, SLOW)
    client, server, connection = harness.connect()
    server.send(b"for the client")
    upstream, downstream = pipes_of(connection)
    await until(lambda: downstream.held_bytes)
    client.reset()
    await until(lambda: upstream.held_bytes)
    assert downstream.held_bytes == 0
    server.send(b"not read")
    await turns()
    assert (downstream.held_bytes, downstream.forwarded_bytes) == (0, 0)
    assert await harness.receive_reset_in_time(server) == b""


async def test_a_held_reset_waits_like_everything_else(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=Faults(Freeze(is_on=True)))
    client, server, connection = harness.connect()
    client.send(b"held")
    client.reset()
    await until(lambda: connection.pipe(Direction.UPSTREAM).held_bytes)
    harness.clock.advance(1000.0)
    await turns()
    assert harness.end_reason is None
    connection.pipe(Direction.UPSTREAM).faults = NO_FAULTS
    assert await server.receive_reset() == b"held"


async def test_while_one_reset_travels_another_ends_it(harness: ConnectionHarness) -> None:
    harness.set_defaults(SLOW, SLOW)
    client, server, connection = harness.connect()
    client.reset()
    await until(lambda: connection.pipe(Direction.UPSTREAM).held_bytes)
    server.reset()
    await until(lambda: harness.end_reason)
    assert harness.end_reason == RESET_BY_CLIENT
    assert harness.clock.next_at is None


async def test_a_reset_of_our_own_does_not_wait_for_one_that_travels(harness: ConnectionHarness) -> None:
    harness.set_defaults(SLOW, SLOW)
    client, server, connection = harness.connect()
    client.send(b"dropped")
    client.reset()
    await until(lambda: connection.pipe(Direction.UPSTREAM).held_bytes)
    connection.reset("enough")
    assert await server.receive_reset() == b""
    assert harness.end_reason == EndReason("reset", "enough", reset=True)


async def test_more_than_fits_arrives_before_the_reset(harness: ConnectionHarness) -> None:
    """The reader is slower than the sender: reading pauses, the queues fill, and then the sender resets."""
    harness.set_defaults(upstream=Faults(Throttle(rate_bytes_per_s=1e7)))
    client, server, connection = harness.connect()
    sent = await clog(client)
    client.finish()
    pipe = connection.pipe(Direction.UPSTREAM)
    await until(lambda: pipe.held_bytes > harness.buffer_limit_bytes)
    client.reset()  # after its end: the kernel still has what we have not read, but tells of the reset
    received = await harness.receive_reset_in_time(server)
    assert PAYLOAD[:sent].startswith(received)
    # What the client's own kernel had not sent yet is lost there, as SO_LINGER 0 has it.
    assert len(received) >= harness.buffer_limit_bytes


@pytest.mark.parametrize("faults", [NO_FAULTS, Faults(Idle()), SLOW], ids=["calm", "chain", "slow"])
async def test_a_peer_that_never_reads_does_not_keep_a_connection_whose_other_peer_is_gone(
    harness: ConnectionHarness, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "GIVE_UP_S", 0.01)
    harness.set_defaults(upstream=faults)
    client, _server, _ = harness.connect()
    await clog(client)
    client.reset()
    await harness.pass_time_until(lambda: harness.end_reason)
    assert harness.end_reason == RESET_BY_CLIENT


async def test_a_reset_waits_for_a_reader_that_is_slow(harness: ConnectionHarness) -> None:
    client, server, connection = harness.connect(buffer_bytes=4096)
    words = PAYLOAD[:100_000]
    server.send(words)
    pipe = connection.pipe(Direction.DOWNSTREAM)
    await until(lambda: pipe.held_bytes and pipe.forwarded_bytes + pipe.held_bytes >= len(words))
    server.reset()
    await turns()
    assert harness.end_reason is None, "the client has not read yet"
    assert await client.receive_reset() == words
    assert harness.end_reason == RESET_BY_UPSTREAM


@pytest.mark.parametrize("faults", [NO_FAULTS, Faults(Idle())], ids=["calm", "chain"])
async def test_what_was_sent_before_a_reset_arrives_before_it(
    harness: ConnectionHarness, faults: Faults
) -> None:
    harness.set_defaults(faults, faults)
    client, server, _ = harness.connect()
    server.send(b"last words")
    server.reset()
    assert await client.receive_reset() == b"last words"
    assert harness.end_reason == RESET_BY_UPSTREAM


@pytest.mark.parametrize("faults", [NO_FAULTS, Faults(Idle())], ids=["calm", "chain"])
async def test_an_upstream_that_refuses_an_upload_is_still_heard(
    harness: ConnectionHarness, faults: Faults
) -> None:
    """Writing to it fails before its answer is read."""
    harness.set_defaults(faults, faults)
    client, server, connection = harness.connect()
    server.send(b"413 Content Too Large")
    server.reset()
    client.send(b"more of the upload")
    connection.pipe(Direction.UPSTREAM).read_early()
    assert await client.receive_reset() == b"413 Content Too Large"
    assert harness.end_reason == RESET_BY_UPSTREAM


async def test_if_both_are_lost_at_once_it_ends_once(harness: ConnectionHarness) -> None:
    client, server, connection = harness.connect()
    for peer in (client, server):
        peer.send(b"nobody reads this")
        peer.reset()
    connection.pipe(Direction.UPSTREAM).read_early()
    await until(lambda: harness.end_reason)
    assert harness.end_reason is not None
    assert harness.end_reason.reset


async def test_a_reset_by_a_source_that_is_not_read_is_seen(harness: ConnectionHarness) -> None:
    client, server, _ = harness.connect()
    await clog(client)
    client.reset()
    await server.receive_reset()
    assert harness.end_reason == RESET_BY_CLIENT


async def test_a_sink_that_is_lost_when_its_bytes_are_due_is_a_reset(harness: ConnectionHarness) -> None:
    harness.set_defaults(upstream=SLOW)
    client, server, connection = harness.connect()
    client.send(b"for nobody")
    await until(lambda: connection.pipe(Direction.UPSTREAM).held_bytes)
    server.reset()
    harness.clock.advance(1.0)
    assert await client.receive_reset() == b""
    assert harness.end_reason == RESET_BY_UPSTREAM


async def test_a_reset_by_a_sink_that_is_full_is_seen(harness: ConnectionHarness) -> None:
    client, server, _ = harness.connect()
    await clog(client)
    server.reset()
    assert await client.receive_reset() == b""
    assert harness.end_reason == RESET_BY_UPSTREAM


@pytest.mark.parametrize("faults", [NO_FAULTS, SLOW], ids=["calm", "slow"])
@pytest.mark.parametrize("by_client", [True, False])
async def test_a_reset_after_the_end_of_that_direction_is_seen(
    harness: ConnectionHarness, faults: Faults, by_client: bool
) -> None:
    harness.set_defaults(faults, faults)
    client, server, connection = harness.connect()
    lost, left = (client, server) if by_client else (server, client)
    lost.finish()
    if not faults:
        assert await left.receive_all() == b""
    await until(lambda: any(pipe.held_bytes for pipe in pipes_of(connection)) or not faults)
    lost.reset()
    await harness.pass_time_until(lambda: harness.end_reason)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        left.send(b"after an ordinary end, the first bytes would still be taken")
    assert harness.end_reason == (RESET_BY_CLIENT if by_client else RESET_BY_UPSTREAM)


async def test_a_reset_by_one_who_listens_only_is_seen(harness: ConnectionHarness) -> None:
    """The client has finished and the server does not speak: there is nothing to read or write."""
    client, server, _ = harness.connect()
    client.finish()
    assert await server.receive_all() == b""
    server.reset()
    assert await client.receive_reset() == b""
    assert harness.end_reason == RESET_BY_UPSTREAM


async def test_a_peer_that_ends_both_ways_is_no_reset(harness: ConnectionHarness) -> None:
    harness.set_defaults(SLOW, SLOW)
    client, server, connection = harness.connect()
    server.send(b"goodbye")
    server.close()
    client.finish()
    await until(lambda: all(pipe.held_bytes for pipe in pipes_of(connection)))
    await turns()
    assert await harness.receive_all_in_time(client) == b"goodbye"
    assert harness.end_reason == EndReason("closed")


SOON = Decision(
    kind="terminate",
    effect=Effect.RESET,
    offset_bytes=0,
    moment=Moment.BYTE,
    detail={"reason": "terminated", "behind": True},
    place=Place(StageOrder.ALTER, 1),
    input_bytes=1000,
)


async def reset_behind_a_backlog(harness: ConnectionHarness) -> tuple[Peer, Peer]:
    """Let a fault reset a connection behind bytes that the server does not take yet."""
    harness.listen()
    harness.buffer_limit_bytes = 1 << 23  # reads go on behind the backlog
    client, server, connection = harness.connect()
    await clog(client)
    connection.pipe(Direction.UPSTREAM).faults = Faults(Replayed(decisions=(SOON,)))
    await until(lambda: harness.decisions)
    await turns()
    assert harness.end_reason is None
    return client, server


async def test_a_reset_behind_bytes_waits_until_a_slow_peer_has_them(harness: ConnectionHarness) -> None:
    _, server = await reset_behind_a_backlog(harness)
    assert await server.receive_reset() == PAYLOAD[: harness.decisions[0][2].offset_bytes]
    assert harness.end_reason == EndReason("terminated", reset=True)


async def test_a_peer_that_goes_away_ends_a_reset_that_waits_for_it(harness: ConnectionHarness) -> None:
    client, server = await reset_behind_a_backlog(harness)
    server.reset()
    assert await client.receive_reset() == b""
    assert harness.end_reason == RESET_BY_UPSTREAM
