"""A lost request, and a lost answer, between two sockets."""

from __future__ import annotations

import pytest

from tests.proxy.connection_harness import ConnectionHarness
from tests.proxy.peers import Peer
from tests.proxy.waiting import turns, until
from trixter.faults import Direction, Faults, Latency, LoseAnswer, LoseRequest
from trixter.proxy import EndReason

UP, DOWN = Direction


async def ask(client: Peer, server: Peer, request: bytes, answer: bytes) -> None:
    """Have a request, and its answer, arrive."""
    client.send(request)
    assert await server.receive(len(request)) == request
    server.send(answer)
    assert await client.receive(len(answer)) == answer


async def test_a_message_ends_when_the_other_side_speaks_also_if_that_direction_is_calm(
    harness: ConnectionHarness,
) -> None:
    harness.set_defaults(Faults(LoseRequest(probability=1e-12)))
    client, server, connection = harness.connect()
    for _ in range(3):
        await ask(client, server, b"request", b"answer")
    for _ in range(2):  # two reads of one message
        client.send(b"request")
        await server.receive(7)
    assert connection.pipe(UP).operations() == {"lose_request": 4}
    connection.pipe(DOWN).faults = Faults(LoseAnswer(probability=1e-12))
    server.send(b"answer")
    await client.receive(6)
    await ask(client, server, b"request", b"answer")
    assert connection.pipe(DOWN).operations() == {"lose_answer": 2}


@pytest.mark.parametrize("latency", [Faults(), Faults(Latency(delay_s=1.0))], ids=["at once", "late"])
async def test_the_client_gets_exactly_the_first_bytes_of_the_answer_and_then_a_reset(
    harness: ConnectionHarness, latency: Faults
) -> None:
    harness.listen()
    client, server, connection = harness.connect()
    await ask(client, server, b"first", b"FIRST")
    connection.pipe(DOWN).faults = Faults(*latency, LoseAnswer(probability=1.0, answer_bytes=4))
    client.send(b"second")
    assert await server.receive(6) == b"second"
    server.send(b"SECOND")
    assert await harness.receive_reset_in_time(client) == b"SECO"
    assert await server.receive_reset() == b""
    assert harness.end_reason == EndReason("answer lost", reset=True)
    (lost,) = (each for _, _, each in harness.decisions if each.kind == "lose_answer")
    assert lost.offset_bytes == 9
    assert harness.strikes["lose_answer"] == 1


async def test_nothing_of_a_lost_request_reaches_the_server(harness: ConnectionHarness) -> None:
    client, server, connection = harness.connect()
    await ask(client, server, b"first", b"FIRST")
    connection.pipe(UP).faults = Faults(LoseRequest(probability=1.0))
    client.send(b"second")
    assert await client.receive_reset() == b""
    assert await server.receive_reset() == b""
    assert harness.end_reason == EndReason("request lost", reset=True)


@pytest.mark.parametrize("server_is_first", [True, False])
async def test_a_client_without_an_answer_hears_nothing_until_it_ends_the_connection_itself(
    harness: ConnectionHarness, server_is_first: bool
) -> None:
    harness.set_defaults(downstream=Faults(LoseAnswer(probability=1.0, silence=True)))
    client, server, connection = harness.connect()
    client.send(b"request")
    assert await server.receive(7) == b"request"
    server.send(b"answer")
    if server_is_first:
        server.finish()
        await until(lambda: connection.pipe(DOWN).held_bytes)
    await turns()
    assert client.receive_now() == []
    client.finish()
    assert await server.receive_all() == b""
    server.finish() if not server_is_first else None
    assert await client.receive_all() == b""
    assert harness.end_reason == EndReason("closed")


async def test_a_client_whose_request_was_lost_in_silence_ends_the_connection(
    harness: ConnectionHarness,
) -> None:
    harness.set_defaults(Faults(LoseRequest(probability=1.0, silence=True)))
    client, server, _ = harness.connect()
    client.send(b"request")
    await turns()
    assert (server.receive_now(), client.receive_now(), harness.end_reason) == ([], [], None)
    client.finish()
    assert await server.receive_all() == b""
    server.finish()
    assert await client.receive_all() == b""
    assert harness.end_reason == EndReason("closed")


async def test_a_connection_in_silence_is_reset_when_the_fault_is_taken_away(
    harness: ConnectionHarness,
) -> None:
    harness.set_defaults(Faults(LoseRequest(probability=1.0, silence=True)))
    client, server, connection = harness.connect()
    client.send(b"request")
    await until(lambda: harness.strikes["lose_request"])
    connection.pipe(UP).faults = Faults()
    assert await client.receive_reset() == await server.receive_reset() == b""
    assert harness.end_reason == EndReason("request lost", reset=True)
