"""Clients that go away, and peers that vanish without FIN or RST."""

from __future__ import annotations

import socket

import pytest

from tests.proxy.connection_harness import ConnectionHarness
from tests.proxy.proxy_harness import ProxyHarness
from tests.proxy.servers import dead_address, silent_server
from tests.proxy.waiting import turns, until
from trixter.addresses import text_of
from trixter.proxy import EndReason
from trixter.proxy.poller import LoopPoller
from trixter.proxy.sockets import KEEPALIVE_PROBES


@pytest.mark.parametrize("first_bytes", [b"", b"hello"])
async def test_a_client_that_resets_while_we_dial_ends_the_dial(
    harness: ConnectionHarness, first_bytes: bytes
) -> None:
    if isinstance(harness.context.poller, LoopPoller):
        pytest.skip("a loop's own watches see no reset of what is not read")
    harness.set_upstream(text_of(silent_server(harness.exits).address))
    client, connection = harness.connect_client(first_bytes=first_bytes)
    assert harness.registry.dialling == [connection]
    client.reset()
    await until(lambda: harness.end_reason)
    assert harness.end_reason == EndReason("reset by client", reset=True)
    assert harness.registry.dialling == []
    assert harness.clock.next_at is None  # the dial is over


async def test_a_client_that_only_half_closes_while_we_dial_is_served(harness: ConnectionHarness) -> None:
    silent = silent_server(harness.exits)
    harness.set_upstream(text_of(silent.address))
    client, connection = harness.connect_client(first_bytes=b"all I have to say")
    client.finish()
    await turns()
    assert harness.end_reason is None
    assert not connection.is_open


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_client_that_half_closed_while_we_dialled_gets_its_answer(
    proxy_harness: ProxyHarness,
) -> None:
    proxy = proxy_harness.proxy(
        upstream=f"localhost:{proxy_harness.server.address[1]}"
    )  # a name: it takes a moment
    client = proxy_harness.client(proxy)
    client.send(b"question")
    client.finish()
    await until(lambda: proxy.registry.accepted == 1)
    await until(lambda: len(proxy.registry) == 1)
    server = proxy_harness.server.accept()
    proxy_harness.exits.callback(server.close)
    assert await server.receive_all() == b"question"
    server.send(b"answer")
    server.close()
    assert await client.receive_all() == b"answer"


async def test_who_waits_for_an_upstream_can_be_found(harness: ConnectionHarness) -> None:
    harness.set_upstream(text_of(silent_server(harness.exits).address))
    _, connection = harness.connect_client()
    registry = harness.registry
    assert (registry.find(connection.id), registry.get(connection.id)) == (connection, None)
    connection.reset("the test wants it")
    assert registry.find(connection.id) is None


@pytest.mark.parametrize(("keepalive_s", "seconds"), [(15.0, 15), (2.0, 2), (0.0, 0)])
async def test_both_sockets_of_a_connection_probe_a_silent_peer(
    proxy_harness: ProxyHarness, keepalive_s: float, seconds: int
) -> None:
    proxy = proxy_harness.proxy(keepalive_s=keepalive_s)
    await proxy_harness.pair(proxy)
    (connection,) = proxy.registry
    for sock in (connection._client, connection._upstream):
        assert sock is not None
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == bool(seconds)
        if seconds:
            names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
            values = [sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
            assert values == [seconds, seconds, KEEPALIVE_PROBES]


async def test_a_peer_that_probes_did_not_reach_is_lost_with_the_kernel_s_words(
    harness: ConnectionHarness,
) -> None:
    _, server, connection = harness.connect()
    connection.on_lost(connection._client, TimeoutError(110, "Connection timed out"))
    await until(lambda: harness.end_reason)
    assert harness.end_reason == EndReason("reset by client", "Connection timed out", reset=True)
    assert await server.receive_reset() == b""


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
async def test_an_urgent_byte_stays_where_it_is_in_the_stream(
    proxy_harness: ProxyHarness, direction: str
) -> None:
    client, server = await proxy_harness.pair(proxy_harness.proxy())
    sender, receiver = (client, server) if direction == "upstream" else (server, client)
    sender.send(b"abc")
    sender.sock.send(b"!", socket.MSG_OOB)
    sender.send(b"def")
    assert await receiver.receive(7) == b"abc!def"


async def test_urgent_bytes_among_bulk_that_the_kernel_carries_are_kept(proxy_harness: ProxyHarness) -> None:
    client, server = await proxy_harness.pair(proxy_harness.proxy())
    for _ in range(20):
        client.send(b"x" * 20_000)
        client.sock.send(b"!", socket.MSG_OOB)
        assert await server.receive(20_001) == b"x" * 20_000 + b"!"


@pytest.mark.parametrize("is_reset", [False, True])
async def test_a_client_whose_upstream_cannot_be_reached_ends_as_asked(
    proxy_harness: ProxyHarness, is_reset: bool
) -> None:
    proxy = proxy_harness.proxy(upstream=dead_address(), reset_unreachable=is_reset)
    client = proxy_harness.client(proxy)
    if is_reset:
        assert await client.receive_reset() == b""
    else:
        assert await client.receive_all() == b""
    assert proxy.registry.ended == {"upstream unreachable": 1}
