"""The availability of a proxy: whether new connections are accepted, and the end of live ones."""

from __future__ import annotations

import logging

import pytest

from tests.proxy.proxy_harness import ProxyHarness
from tests.proxy.servers import resolve_to, silent_server
from tests.proxy.waiting import turns, until
from trixter.addresses import text_of
from trixter.errors import BindError, SettingError
from trixter.proxy import Availability, Defaults, Proxy, listen_socket
from trixter.proxy.listen_socket import listen_sockets


def new_proxy(proxy_harness: ProxyHarness) -> Proxy:
    proxy = Proxy(listen="127.0.0.1:0", upstream=text_of(proxy_harness.server.address), seed=1)
    proxy_harness.exits.callback(proxy.stop)
    return proxy


async def test_it_is_open_unless_somebody_shuts_it(proxy_harness: ProxyHarness) -> None:
    proxy = proxy_harness.proxy()
    assert proxy.availability is Availability.UP
    proxy.set_availability(Availability.UP)
    await proxy_harness.pair(proxy)


@pytest.mark.parametrize("availability", [Availability.REFUSING, Availability.DOWN])
async def test_shut_it_refuses_connections_and_open_again_it_has_the_same_port(
    proxy_harness: ProxyHarness, availability: Availability
) -> None:
    proxy = proxy_harness.proxy()
    addresses = proxy.listen_addresses
    for _ in range(2):
        proxy.set_availability(availability)
        proxy.set_availability(availability)
        assert (proxy.availability, proxy.listen_addresses) == (availability, addresses)
        with pytest.raises(ConnectionRefusedError):
            proxy_harness.client(proxy)
        proxy.set_availability(Availability.UP)
        client, server = await proxy_harness.pair(proxy)
        client.send(b"back again")
        assert await server.receive(10) == b"back again"


async def test_refusing_leaves_connections_alone(proxy_harness: ProxyHarness) -> None:
    proxy = proxy_harness.proxy()
    client, server = await proxy_harness.pair(proxy)
    proxy.set_availability(Availability.REFUSING)
    client.send(b"ping")
    assert await server.receive(4) == b"ping"
    server.send(b"pong")
    assert await client.receive(4) == b"pong"
    assert proxy.registry.ended == {}


async def test_down_resets_every_connection_for_that_reason(proxy_harness: ProxyHarness) -> None:
    proxy = proxy_harness.proxy()
    pairs = [await proxy_harness.pair(proxy) for _ in range(3)]
    proxy.set_availability(Availability.DOWN)
    for client, server in pairs:
        assert await client.receive_reset() == await server.receive_reset() == b""
    assert (len(proxy.registry), proxy.registry.ended) == (0, {"proxy down": 3})


async def test_down_resets_those_that_are_still_dialling(proxy_harness: ProxyHarness) -> None:
    proxy = proxy_harness.proxy(upstream=text_of(silent_server(proxy_harness.exits).address))
    client = proxy_harness.client(proxy)
    await until(lambda: proxy.registry.accepted)
    proxy.set_availability(Availability.DOWN)
    assert await client.receive_reset() == b""
    assert proxy.registry.ended == {"proxy down": 1}


async def test_from_refusing_it_can_go_down(proxy_harness: ProxyHarness) -> None:
    proxy = proxy_harness.proxy()
    client, _ = await proxy_harness.pair(proxy)
    proxy.set_availability(Availability.REFUSING)
    proxy.set_availability(Availability.DOWN)
    assert await client.receive_reset() == b""


async def test_whoever_waits_to_be_accepted_is_refused_as_well(proxy_harness: ProxyHarness) -> None:
    proxy = proxy_harness.proxy()
    client = proxy_harness.client(proxy)  # known to the kernel, and not yet to us
    proxy.set_availability(Availability.REFUSING)
    await turns()
    assert await client.receive_reset() == b""
    assert proxy.registry.accepted == 0


async def test_every_address_is_shut_and_opened(
    proxy_harness: ProxyHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, "127.0.0.1:0", "[::1]:0")
    proxy = proxy_harness.proxy(listen="everywhere.example:0")
    addresses = proxy.listen_addresses
    proxy.set_availability(Availability.REFUSING)
    for which in range(2):
        with pytest.raises(ConnectionRefusedError):
            proxy_harness.client(proxy, which)
    proxy.set_availability(Availability.UP)
    assert proxy.listen_addresses == addresses
    for which in range(2):
        proxy_harness.client(proxy, which)
    await until(lambda: len(proxy.registry) == 2)
    for _ in range(2):
        proxy_harness.server.accept().close()


@pytest.mark.skipif(
    not listen_socket.CAN_STOP_LISTENING, reason="here, only the system's own rules keep a port"
)
async def test_while_it_is_shut_no_other_proxy_gets_the_port(proxy_harness: ProxyHarness) -> None:
    proxy = proxy_harness.proxy()
    proxy.set_availability(Availability.DOWN)
    with pytest.raises(BindError, match="already in use"):
        proxy_harness.proxy(listen=proxy.listen_addresses[0])


async def test_a_port_that_was_lost_meanwhile_keeps_it_shut_everywhere(
    proxy_harness: ProxyHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen_socket, "CAN_STOP_LISTENING", False)
    resolve_to(monkeypatch, "127.0.0.1:0", "127.0.0.2:0")
    proxy = proxy_harness.proxy(listen="everywhere.example:0")
    first, second = proxy.listen_addresses
    proxy.set_availability(Availability.REFUSING)
    other = proxy_harness.proxy(listen=second)
    with pytest.raises(BindError) as refused:
        proxy.set_availability(Availability.UP)
    assert (refused.value.address, refused.value.reason) == (second, "address already in use")
    assert proxy.availability is Availability.REFUSING
    with pytest.raises(ConnectionRefusedError):
        proxy_harness.client(proxy)
    other.stop()
    proxy.set_availability(Availability.UP)
    proxy_harness.client(proxy)
    await until(lambda: len(proxy.registry) == 1)
    proxy_harness.server.accept().close()
    assert proxy.listen_addresses == [first, second]


async def test_it_may_be_shut_before_the_start(proxy_harness: ProxyHarness) -> None:
    proxy = new_proxy(proxy_harness)
    proxy.set_availability(Availability.REFUSING)
    proxy.bind()
    proxy.start()
    with pytest.raises(ConnectionRefusedError):
        proxy_harness.client(proxy)
    proxy.set_availability(Availability.UP)
    await proxy_harness.pair(proxy)


async def test_stopped_while_it_is_shut_it_gives_the_port_back(proxy_harness: ProxyHarness) -> None:
    proxy = proxy_harness.proxy()
    address = proxy.listen_addresses[0]
    proxy.set_availability(Availability.DOWN)
    proxy.stop()
    for sock in listen_sockets(address):
        sock.close()
    proxy.set_availability(Availability.UP)
    assert proxy.listen_addresses == []


async def test_the_log_says_what_became_of_it(
    proxy_harness: ProxyHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="trixter.proxy")
    proxy = proxy_harness.proxy(defaults=Defaults())
    for availability in (Availability.REFUSING, Availability.REFUSING, Availability.UP):
        proxy.set_availability(availability)
    here = proxy.listen_addresses[0]
    assert [record.getMessage() for record in caplog.records] == [
        f"availability of {here}: refusing",
        f"availability of {here}: up",
    ]


async def test_what_is_no_door_is_refused(proxy_harness: ProxyHarness) -> None:
    proxy = proxy_harness.proxy()
    with pytest.raises(SettingError) as refused:
        proxy.set_availability("open")  # type: ignore[arg-type]
    assert (refused.value.name, refused.value.value) == ("availability", "open")
