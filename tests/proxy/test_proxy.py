"""A proxy binds, starts, stops, and gives everything back."""

from __future__ import annotations

import pytest

from tests.proxy.peers import clog
from tests.proxy.proxy_harness import Street
from tests.proxy.servers import Server, resolve_to, silent_server
from tests.proxy.waiting import until
from trixter.addresses import text_of
from trixter.errors import BindError, SettingError
from trixter.faults import Corrupt, Direction, Faults, Latency
from trixter.proxy import Defaults, Proxy


def new_proxy(**settings: object) -> Proxy:
    return Proxy(**{"listen": "127.0.0.1:0", "upstream": "127.0.0.1:1", "seed": 1} | settings)  # type: ignore[arg-type]


async def test_bytes_pass_and_everything_is_counted(street: Street) -> None:
    proxy = street.proxy()
    client, server = await street.pair(proxy)
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


async def test_only_bound_it_refuses_connections(street: Street) -> None:
    proxy = new_proxy()
    proxy.bind()
    street.exits.callback(proxy.stop)
    with pytest.raises(ConnectionRefusedError):
        street.client(proxy)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("listen", "8080"),
        ("listen", "unix:/s"),
        ("upstream", "8181"),
        ("limit_bytes", 0),
        ("limit_bytes", 1.5),
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


async def test_a_port_that_is_taken_after_binding_is_refused_at_the_start(street: Street) -> None:
    proxy = new_proxy()
    proxy.bind()
    street.exits.callback(proxy.stop)
    street.proxy(listen=proxy.listen_addresses[0])
    with pytest.raises(BindError):
        proxy.start()


async def test_stopping_ends_every_connection_for_that_reason_and_gives_the_port_back(street: Street) -> None:
    proxy = street.proxy()
    pairs = [await street.pair(proxy) for _ in range(3)]
    address = proxy.listen_addresses[0]
    proxy.stop()
    proxy.stop()
    assert proxy.registry.ended == {"proxy stopped": 3}
    assert len(proxy.registry) == 0
    for client, server in pairs:
        assert await client.receive_all() == await server.receive_all() == b""
    street.proxy(listen=address)


async def test_stopping_ends_those_that_are_still_dialling(street: Street) -> None:
    proxy = street.proxy(upstream=text_of(silent_server(street.exits).address))
    client = street.client(proxy)
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


async def test_it_can_be_started_again(street: Street) -> None:
    proxy = street.proxy()
    await street.pair(proxy)
    proxy.stop()
    proxy.bind()
    proxy.start()
    client, server = await street.pair(proxy)
    client.send(b"again")
    assert await server.receive(5) == b"again"
    assert proxy.registry.accepted == 2


async def test_defaults_are_what_new_connections_start_with(street: Street) -> None:
    slow = Faults(Latency(delay_s=3600.0))
    proxy = street.proxy()
    await street.pair(proxy)
    proxy.defaults = Defaults(upstream=slow)
    await street.pair(proxy)
    assert [connection.pipe(Direction.UPSTREAM).faults for connection in proxy.registry] == [Faults(), slow]


async def test_the_same_seed_gives_the_same_luck(street: Street) -> None:
    spoilt = []
    for _ in range(2):
        proxy = street.proxy(defaults=Defaults(upstream=Faults(Corrupt(probability=1.0))))
        client, server = await street.pair(proxy)
        client.send(bytes(100))
        client.finish()
        spoilt.append(await server.receive_all())
    assert spoilt[0] == spoilt[1] != bytes(100)


async def test_a_duration_ends_connections_by_the_real_clock(street: Street) -> None:
    proxy = street.proxy(defaults=Defaults(duration_s=0.005))
    client, server = await street.pair(proxy)
    assert await client.receive_reset() == await server.receive_reset() == b""
    assert proxy.registry.ended == {"duration": 1}


async def test_it_may_listen_on_every_address_of_a_name(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, "127.0.0.1:0", "[::1]:0")
    proxy = street.proxy(listen="everywhere.example:0")
    assert len(proxy.listen_addresses) == 2
    clients = [street.client(proxy, which) for which in range(2)]
    await until(lambda: len(proxy.registry) == 2)
    assert {connection.client for connection in proxy.registry} == {
        text_of(client.sock.getsockname()) for client in clients
    }
    for _ in clients:
        street.server.accept().close()


async def test_one_slow_peer_is_not_in_the_way_of_others(street: Street) -> None:
    proxy = street.proxy()
    stuck, _ = await street.pair(proxy)
    client, server = await street.pair(proxy)
    await clog(stuck)
    client.send(b"not my concern")
    assert await server.receive(14) == b"not my concern"


async def test_many_at_once_are_served_and_gone_afterwards(street: Street) -> None:
    proxy = street.proxy()
    pairs = [await street.pair(proxy) for _ in range(200)]
    for number, (client, _) in enumerate(pairs):
        client.send(number.to_bytes(2, "big"))
    for number, (client, server) in enumerate(pairs):
        assert await server.receive(2) == number.to_bytes(2, "big")
        (client if number % 2 else server).close()
        (server if number % 2 else client).close()
    await until(lambda: proxy.registry.ended.total() == 200)
    assert (len(proxy.registry), proxy.registry.accepted) == (0, 200)
