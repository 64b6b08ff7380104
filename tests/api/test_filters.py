"""Choosing connections by the query."""

from __future__ import annotations

import pytest

from tests.api.api_harness import ApiHarness, new_harness
from tests.api.one_loop import anyio_backend as anyio_backend
from trixter.api.listing import CLIENT_FORM, NO_FILTERS, Clients

# The method, the path and the body of changes of one connection, of all of them, and of what is to come.
CHANGES = [
    ("PATCH", "/connections/live/delay", {"delay_ms": 250}),
    ("PATCH", "/connections/_all/delay", {"delay_ms": 250}),
    ("POST", "/connections/live/shutdown", {"reason": "x"}),
    ("POST", "/connections/_all/shutdown", {"reason": "x"}),
    ("PATCH", "/defaults", {"delay": {"delay_ms": 250}}),
    ("PATCH", "/proxy", {"availability": "down"}),
]


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
async def test_a_client_that_is_none_is_422(harness: ApiHarness, asked: str) -> None:
    answer = await harness.http.get("/connections", params={"client": asked})

    assert answer.status_code == 422
    assert answer.json() == {"error": f"`client` must be {CLIENT_FORM}, not {asked!r}", "code": "invalid"}


QUERIES = ["_=1", "pretty", "id=3", "client_=::1", "=1", "&&", "%ff=%00", "_=1&_=2"]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize(
    "path", ["/connections", "/connections/_all", "/connections/live", "/defaults", "/health"]
)
async def test_unknown_parameters_are_ignored_as_in_the_original(
    harness: ApiHarness, query: str, path: str
) -> None:
    await harness.connect()
    path = path.replace("live", harness.id_of("live"))
    plain = await harness.http.get(path)

    answer = await harness.http.get(f"{path}?{query}")

    assert answer.status_code == 200
    assert (
        str(answer.json() if path != "/health" else "")[:60]
        == str(plain.json() if path != "/health" else "")[:60]
    )


async def test_filters_hold_beside_unknown_parameters(harness: ApiHarness) -> None:
    await harness.connect()

    assert (await harness.http.get("/connections?_=1&client=192.0.2.0/24&pretty")).json() == []
    assert (await harness.http.get("/connections?_=1&client=me")).status_code == 422


@pytest.mark.parametrize(
    ("query", "name"), [("client=192.0.2.1", "client"), ("_=1&upstream=x:1", "upstream")]
)
@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
async def test_a_change_refuses_filters_rather_than_change_more(
    harness: ApiHarness, method: str, path: str, body: object, query: str, name: str
) -> None:
    connection = await harness.connect()
    before = harness.faults(), harness.proxy.availability

    answer = await harness.http.request(method, f"{path.replace('live', connection.id)}?{query}", json=body)

    error = f"unexpected parameter `{name}`; {NO_FILTERS}"
    assert (answer.status_code, answer.json()) == (422, {"error": error, "code": "invalid"})
    assert (harness.faults(), harness.proxy.availability, connection.end_reason) == (*before, None)


@pytest.mark.parametrize("query", ["clients=192.0.2.1", "_=1&Client=::1", "pretty&__=1", "=1"])
@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
async def test_only_a_change_of_all_connections_refuses_parameters_that_may_be_mistyped_filters(
    harness: ApiHarness, method: str, path: str, body: object, query: str
) -> None:
    connection = await harness.connect()

    answer = await harness.http.request(method, f"{path.replace('live', connection.id)}?{query}", json=body)

    assert answer.status_code == (422 if "_all" in path else 202)


@pytest.mark.parametrize("query", ["_=1", "pretty", "_=1&_=2&pretty=", "&"])
@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
async def test_what_can_be_no_filter_is_ignored_in_every_change(
    harness: ApiHarness, method: str, path: str, body: object, query: str
) -> None:
    connection = await harness.connect()

    answer = await harness.http.request(method, f"{path.replace('live', connection.id)}?{query}", json=body)

    assert answer.status_code == 202


async def test_a_parameter_given_twice_is_422(harness: ApiHarness) -> None:
    answer = await harness.http.get("/connections?client=127.0.0.1&client=127.0.0.2")

    assert (answer.status_code, answer.json()) == (
        422,
        {"error": "`client` may be given once", "code": "invalid"},
    )


@pytest.mark.parametrize("path", ["/connections", "/connections/_all"])
async def test_only_what_passes_every_filter_is_listed(harness: ApiHarness, path: str) -> None:
    first, second = await harness.connect(), await harness.connect()
    upstream = str(harness.proxy.upstream)

    async def ids(**params: str) -> list[str]:
        return [each["conn_info"]["id"] for each in (await harness.http.get(path, params=params)).json()]

    assert await ids() == [first.id, second.id]
    assert await ids(client="127.0.0.1") == [first.id, second.id]
    assert await ids(client=second.client) == [second.id]
    assert await ids(client="192.0.2.0/24") == []
    assert await ids(upstream=upstream) == [first.id, second.id]
    assert await ids(upstream=upstream, client=first.client) == [first.id]
    assert await ids(upstream="127.0.0.1") == []
    assert await ids(upstream=upstream.replace(":", ":0")) == [first.id, second.id]


async def test_clients_on_ipv6_are_found(anyio_backend: object) -> None:
    async with new_harness(listen="[::1]:0") as harness:
        connection = await harness.connect()

        for asked in ("::1", connection.client, "::/64"):
            listed = (await harness.http.get("/connections", params={"client": asked})).json()
            assert [each["conn_info"]["id"] for each in listed] == [connection.id]
