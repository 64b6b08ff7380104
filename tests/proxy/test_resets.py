"""A reset by one side is a reset to the other, whatever is held, read or half closed."""

from __future__ import annotations

import pytest

from tests.proxy.house import House, pipes_of
from tests.proxy.odd_faults import Idle
from tests.proxy.peers import clog
from tests.proxy.waiting import turns, until
from trixter.faults import CALM, Direction, Faults, Latency
from trixter.proxy import Ending

SLOW = Faults(Latency(delay_s=1.0))
RESET_BY_CLIENT = Ending("reset by client", reset=True)
RESET_BY_UPSTREAM = Ending("reset by upstream", reset=True)


@pytest.mark.parametrize("faults", [CALM, Faults(Idle()), SLOW], ids=["calm", "chain", "slow"])
@pytest.mark.parametrize("by_client", [True, False])
async def test_a_reset_is_passed_on_at_once(house: House, faults: Faults, by_client: bool) -> None:
    house.start_with(faults, faults)
    client, server, _ = house.connect()
    lost, left = (client, server) if by_client else (server, client)
    lost.reset()
    assert await left.receive_reset() == b""
    assert house.ending == (RESET_BY_CLIENT if by_client else RESET_BY_UPSTREAM)
    assert house.clock.next_at is None


@pytest.mark.parametrize("by_client", [True, False])
async def test_a_reset_drops_what_is_held_in_both_directions(house: House, by_client: bool) -> None:
    house.start_with(SLOW, SLOW)
    client, server, connection = house.connect()
    client.send(b"never arrives")
    server.send(b"neither does this")
    await until(lambda: all(pipe.held_bytes for pipe in pipes_of(connection)))
    lost, left = (client, server) if by_client else (server, client)
    lost.reset()
    assert await left.receive_reset() == b""
    assert [pipe.held_bytes for pipe in pipes_of(connection)] == [0, 0]
    assert house.clock.next_at is None


@pytest.mark.parametrize("faults", [CALM, Faults(Idle())], ids=["calm", "chain"])
async def test_what_was_sent_before_a_reset_arrives_before_it(house: House, faults: Faults) -> None:
    house.start_with(faults, faults)
    client, server, _ = house.connect()
    server.send(b"last words")
    server.reset()
    assert await client.receive_reset() == b"last words"
    assert house.ending == RESET_BY_UPSTREAM


@pytest.mark.parametrize("faults", [CALM, Faults(Idle())], ids=["calm", "chain"])
async def test_an_upstream_that_refuses_an_upload_is_still_heard(house: House, faults: Faults) -> None:
    """Writing to it fails before its answer is read."""
    house.start_with(faults, faults)
    client, server, connection = house.connect()
    server.send(b"413 Content Too Large")
    server.reset()
    client.send(b"more of the upload")
    connection.pipe(Direction.UPSTREAM).read_now()
    assert house.ending == RESET_BY_UPSTREAM
    assert await client.receive_reset() == b"413 Content Too Large"


async def test_if_both_are_lost_at_once_it_ends_once(house: House) -> None:
    client, server, connection = house.connect()
    for peer in (client, server):
        peer.send(b"nobody reads this")
        peer.reset()
    connection.pipe(Direction.UPSTREAM).read_now()
    assert house.ending is not None
    assert house.ending.reset


async def test_a_reset_by_a_source_that_is_not_read_is_seen(house: House) -> None:
    client, server, _ = house.connect()
    await clog(client)
    client.reset()
    await server.receive_reset()
    assert house.ending == RESET_BY_CLIENT


async def test_a_sink_that_is_lost_when_its_bytes_are_due_is_a_reset(house: House) -> None:
    house.start_with(upstream=SLOW)
    client, server, connection = house.connect()
    client.send(b"for nobody")
    await until(lambda: connection.pipe(Direction.UPSTREAM).held_bytes)
    server.reset()
    house.clock.advance(1.0)
    assert house.ending == RESET_BY_UPSTREAM
    assert await client.receive_reset() == b""


async def test_a_reset_by_a_sink_that_is_full_is_seen(house: House) -> None:
    client, server, _ = house.connect()
    await clog(client)
    server.reset()
    assert await client.receive_reset() == b""
    assert house.ending == RESET_BY_UPSTREAM


@pytest.mark.parametrize("faults", [CALM, SLOW], ids=["calm", "slow"])
@pytest.mark.parametrize("by_client", [True, False])
async def test_a_reset_after_the_end_of_that_direction_is_seen(
    house: House, faults: Faults, by_client: bool
) -> None:
    house.start_with(faults, faults)
    client, server, connection = house.connect()
    lost, left = (client, server) if by_client else (server, client)
    lost.finish()
    if not faults:
        assert await left.receive_all() == b""
    await until(lambda: any(pipe.held_bytes for pipe in pipes_of(connection)) or not faults)
    lost.reset()
    await until(lambda: house.ending)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        left.send(b"after an ordinary end, the first bytes would still be taken")
    assert house.ending == (RESET_BY_CLIENT if by_client else RESET_BY_UPSTREAM)


async def test_a_reset_by_one_who_listens_only_is_seen(house: House) -> None:
    """The client has finished and the server does not speak: there is nothing to read or write."""
    client, server, _ = house.connect()
    client.finish()
    assert await server.receive_all() == b""
    server.reset()
    assert await client.receive_reset() == b""
    assert house.ending == RESET_BY_UPSTREAM


async def test_a_peer_that_ends_both_ways_is_no_reset(house: House) -> None:
    house.start_with(SLOW, SLOW)
    client, server, connection = house.connect()
    server.send(b"goodbye")
    server.close()
    client.finish()
    await until(lambda: all(pipe.held_bytes for pipe in pipes_of(connection)))
    await turns()
    assert await house.receive_all_in_time(client) == b"goodbye"
    assert house.ending == Ending("closed")
