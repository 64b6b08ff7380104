"""A proxy binds, starts, stops, and gives everything back."""

from __future__ import annotations

import pytest

from tests.proxy.peers import clog
from tests.proxy.proxy_harness import ProxyHarness
from tests.proxy.servers import Server, resolve_to, silent_server
from tests.proxy.waiting import until
from trixter.addresses import text_of
from trixter.errors import BindError, SettingError
from trixter.faults import Corrupt, Direction, Faults, Latency
from trixter.proxy import Defaults, Proxy


def new_proxy(**settings: object) -> Proxy:
    return Proxy(**{"listen": "127.0.0.1:0", "upstream": "127.0.0.1:1", "seed": 1} | settings)  # type: ignore[arg-type]


async def test_bytes_pass_and_everything_is_counted(proxy_harness: ProxyHarness) -> None:
    proxy = proxy_harness.proxy()
    client, server = await proxy_harness.pair(proxy)
    client.send(b"ping")
    assert await server.receive(4) == b"ping"
    server.send(b"pong")
    assert await client.receive(4) == b"pong"
    (connection,) = proxy.registry
    assert connection.client == text_of(client.sock.getsockname())
    assert connection.upstream == str(proxy.upstream)
    client.finish()
    server.finish()
    await until(lambda: proxy.registry.ended["closed"])
    assert (len(proxy.registry), proxy.registry.accepted) == (0, 1)


async def test_only_bound_it_refuses_connections(proxy_harness: ProxyHarness) -> None:
    proxy = new_proxy()
    proxy.bind()
    proxy_harness.exits.callback(proxy.stop)
    with pytest.raises(ConnectionRefusedError):
        proxy_harness.client(proxy)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("listen", "8080"),
        ("listen", "unix:/s"),
        ("upstream", "8181"),
        ("buffer_limit_bytes", 0),
        ("buffer_limit_bytes", 1.5),
        ("connect_timeout_s", 0.0),
        ("connect_timeout_s", float("nan")),
        ("connect_timeout_s", float("inf")),
    ],
)
def test_a_wrong_setting_is_refused(setting: str, value: object) -> None:
    with pytest.raises(SettingError) as refused:
        new_proxy(**{setting: value})
    assert (refused.value.name, refused.value.value) == (setting, value) or value != value


def test_a_port_in_use_is_refused() -> None:
    server = Server()
    with pytest.raises(BindError):
        new_proxy(listen=text_of(server.address)).bind()
    server.close()


async def test_a_port_that_is_taken_after_binding_is_refused_at_the_start(
    proxy_harness: ProxyHarness,
) -> None:
    proxy = new_proxy()
    proxy.bind()
    proxy_harness.exits.callback(proxy.stop)
    proxy_harness.proxy(listen=proxy.listen_addresses[0])
    with pytest.raises(BindError):
        proxy.start()


async def test_stopping_ends_every_connection_for_that_reason_and_gives_the_port_back(
    proxy_harness: ProxyHarness,
) -> None:
    proxy = proxy_harness.proxy()
    pairs = [await proxy_harness.pair(proxy) for _ in range(3)]
    address = proxy.listen_addresses[0]
    proxy.stop()
    proxy.stop()
    assert proxy.registry.ended == {"proxy stopped": 3}
    assert len(proxy.registry) == 0
    for client, server in pairs:
        assert await client.receive_all() == await server.receive_all() == b""
    proxy_harness.proxy(listen=address)


async def test_stopping_ends_those_that_are_still_dialling(proxy_harness: ProxyHarness) -> None:
    proxy = proxy_harness.proxy(upstream=text_of(silent_server(proxy_harness.exits).address))
    client = proxy_harness.client(proxy)
    await until(lambda: proxy.registry.accepted)
    proxy.stop()
    assert proxy.registry.ended == {"proxy stopped": 1}
    assert await client.receive_all() == b""


async def test_one_that_never_started_can_be_stopped() -> None:
    new_proxy().stop()
    proxy = new_proxy()
    proxy.bind()
    proxy.stop()
    assert proxy.listen_addresses == []


async def test_it_can_be_started_again(proxy_harness: ProxyHarness) -> None:
    proxy = proxy_harness.proxy()
    await proxy_harness.pair(proxy)
    proxy.stop()
    proxy.bind()
    proxy.start()
    client, server = await proxy_harness.pair(proxy)
    client.send(b"again")
    assert await server.receive(5) == b"again"
    assert proxy.registry.accepted == 2


async def test_defaults_are_what_new_connections_start_with(proxy_harness: ProxyHarness) -> None:
    slow = Faults(Latency(delay_s="1h"))
    proxy = proxy_harness.proxy()
    await proxy_harness.pair(proxy)
    proxy.defaults = Defaults(upstream=slow)
    await proxy_harness.pair(proxy)
    assert [connection.pipe(Direction.UPSTREAM).faults for connection in proxy.registry] == [Faults(), slow]


async def test_the_same_seed_gives_the_same_luck(proxy_harness: ProxyHarness) -> None:
    spoilt = []
    for _ in range(2):
        proxy = proxy_harness.proxy(defaults=Defaults(upstream=Faults(Corrupt(probability=1.0))))
        client, server = await proxy_harness.pair(proxy)
        client.send(bytes(100))
        client.finish()
        spoilt.append(await server.receive_all())
    assert spoilt[0] == spoilt[1] != bytes(100)


async def test_a_duration_ends_connections_by_the_real_clock(proxy_harness: ProxyHarness) -> None:
    proxy = proxy_harness.proxy(defaults=Defaults(connection_duration_s=0.005))
    client, server = await proxy_harness.pair(proxy)
    assert await client.receive_reset() == await server.receive_reset() == b""
    assert proxy.registry.ended == {"duration": 1}


async def test_it_may_listen_on_every_address_of_a_name(
    proxy_harness: ProxyHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, "127.0.0.1:0", "[::1]:0")
    proxy = proxy_harness.proxy(listen="everywhere.example:0")
    assert len(proxy.listen_addresses) == 2
    clients = [proxy_harness.client(proxy, which) for which in range(2)]
    await until(lambda: len(proxy.registry) == 2)
    assert {connection.client for connection in proxy.registry} == {
        text_of(client.sock.getsockname()) for client in clients
    }
    for _ in clients:
        proxy_harness.server.accept().close()


async def test_one_slow_peer_is_not_in_the_way_of_others(proxy_harness: ProxyHarness) -> None:
    proxy = proxy_harness.proxy()
    stuck, _ = await proxy_harness.pair(proxy)
    client, server = await proxy_harness.pair(proxy)
    await clog(stuck)
    client.send(b"not my concern")
    assert await server.receive(14) == b"not my concern"


async def test_many_at_once_are_served_and_gone_afterwards(proxy_harness: ProxyHarness) -> None:
    proxy = proxy_harness.proxy()
    pairs = [await proxy_harness.pair(proxy) for _ in range(200)]
    for number, (client, _) in enumerate(pairs):
        client.send(number.to_bytes(2, "big"))
    for number, (client, server) in enumerate(pairs):
        assert await server.receive(2) == number.to_bytes(2, "big")
        (client if number % 2 else server).close()
        (server if number % 2 else client).close()
    await until(lambda: proxy.registry.ended.total() == 200)
    assert (len(proxy.registry), proxy.registry.accepted) == (0, 200)
