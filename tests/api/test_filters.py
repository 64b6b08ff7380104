"""Choosing connections by the query."""

from __future__ import annotations

import pytest

from tests.api.world import World, new_world
from trixter.api.filters import CLIENT_FORM, Clients

UNKNOWN = "unknown parameter `%s`; there are client, upstream"


@pytest.mark.parametrize(
    ("asked", "client", "is_included"),
    [
        ("127.0.0.1", "127.0.0.1:59024", True),
        ("127.0.0.1", "127.0.0.2:59024", False),
        ("127.0.0.1:59024", "127.0.0.1:59024", True),
        ("127.0.0.1:59024", "127.0.0.1:59025", False),
        ("127.0.0.0/8", "127.9.9.9:1", True),
        ("127.0.0.1/8", "127.9.9.9:1", True),
        ("10.0.0.0/8", "127.0.0.1:1", False),
        ("0.0.0.0/0", "127.0.0.1:1", True),
        ("0.0.0.0/0", "[::1]:1", False),
        ("::1", "[::1]:59024", True),
        ("0:0:0:0:0:0:0:1", "[::1]:59024", True),
        ("[::1]:59024", "[::1]:59024", True),
        ("[::1]:59024", "[::1]:59025", False),
        ("::/0", "[fe80::1%eth0]:1", True),
        ("fe80::1%eth0", "[fe80::1%eth0]:1", True),
        ("127.0.0.1", "[::ffff:127.0.0.1]:1", True),
        ("::ffff:127.0.0.1", "[::ffff:127.0.0.1]:1", True),
        ("[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", True),
    ],
)
def test_clients_are_told_by_address_port_and_network(asked: str, client: str, is_included: bool) -> None:
    assert Clients.parse(asked).include(client) == is_included


@pytest.mark.parametrize(
    "asked", ["", "x", "localhost", "1", "127.0.0.1:", "127.0.0.1:x", "10.0.0.0/33", "[::1]", "::1/x"]
)
async def test_a_client_that_is_none_is_422(world: World, asked: str) -> None:
    answer = await world.http.get("/connections", params={"client": asked})

    assert answer.status_code == 422
    assert answer.json() == {"error": f"`client` must be {CLIENT_FORM}, not {asked!r}"}


@pytest.mark.parametrize("query", ["id=3", "clients=127.0.0.1", "client=127.0.0.1&page=2", "=1"])
async def test_an_unknown_parameter_is_422(world: World, query: str) -> None:
    answer = await world.http.get(f"/connections?{query}")

    name = query.rpartition("&")[2].partition("=")[0]
    assert (answer.status_code, answer.json()) == (422, {"error": UNKNOWN % name})


async def test_a_parameter_given_twice_is_422(world: World) -> None:
    answer = await world.http.get("/connections?client=127.0.0.1&client=127.0.0.2")

    assert (answer.status_code, answer.json()) == (422, {"error": "`client` may be given once"})


@pytest.mark.parametrize("path", ["/connections", "/connections/_all"])
async def test_only_what_passes_every_filter_is_listed(world: World, path: str) -> None:
    first, second = await world.connect(), await world.connect()
    upstream = str(world.proxy.upstream)

    async def ids(**params: str) -> list[str]:
        return [each["conn_info"]["id"] for each in (await world.http.get(path, params=params)).json()]

    assert await ids() == [first.id, second.id]
    assert await ids(client="127.0.0.1") == [first.id, second.id]
    assert await ids(client=second.client) == [second.id]
    assert await ids(client="192.0.2.0/24") == []
    assert await ids(upstream=upstream) == [first.id, second.id]
    assert await ids(upstream=upstream, client=first.client) == [first.id]
    assert await ids(upstream="127.0.0.1") == []


async def test_clients_on_ipv6_are_found(anyio_backend: object) -> None:
    async with new_world(listen="[::1]:0") as world:
        connection = await world.connect()

        for asked in ("::1", connection.client, "::/64"):
            listed = (await world.http.get("/connections", params={"client": asked})).json()
            assert [each["conn_info"]["id"] for each in listed] == [connection.id]
