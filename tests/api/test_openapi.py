"""The description of the API says what the API does."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.api_harness import ApiHarness, client_of
from tests.api.one_loop import anyio_backend as anyio_backend
from trixter import __version__
from trixter.api.listing import CLIENT_PATTERN, STATE_PATTERN, Clients
from trixter.faults import CATALOGUE

FAULT_CALL = {"202", "400", "403", "404", "413", "415", "422", "500"}

CALLS = {
    ("get", "/health"): {"200", "500"},
    ("get", "/connections"): {"200", "403", "422", "500"},
    ("get", "/connections/_all"): {"200", "403", "422", "500"},
    ("get", "/connections/{id}"): {"200", "403", "404", "500"},
    ("post", "/connections/{id}/shutdown"): FAULT_CALL,
    **{("patch", f"/connections/{{id}}/{entry.stem}"): FAULT_CALL for entry in CATALOGUE},
    ("get", "/defaults"): {"200", "403", "500"},
    ("patch", "/defaults"): FAULT_CALL - {"404"},
    ("get", "/catalogue"): {"200", "403", "500"},
    ("get", "/proxy"): {"200", "403", "500"},
    ("patch", "/proxy"): FAULT_CALL - {"404"} | {"409"},
    ("get", "/overrides"): {"200", "403", "500"},
    ("post", "/overrides"): FAULT_CALL - {"202"} | {"201", "409"},
    ("patch", "/overrides/{id}"): FAULT_CALL,
    ("delete", "/overrides/{id}"): {"204", "403", "404", "409", "422", "500"},
    ("get", "/openapi.json"): {"200", "403", "500"},
}


@pytest.fixture
async def description(harness: ApiHarness) -> Any:
    answer = await harness.http.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


async def test_every_call_is_described_with_every_status(description: Any) -> None:
    described = {
        (method, path): set(operation["responses"])
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    }

    assert description["openapi"] == "3.1.0"
    assert description["info"]["version"] == __version__
    assert described == CALLS


async def test_bodies_are_described_by_the_types_that_decode_them(description: Any) -> None:
    content = description["paths"]["/connections/{id}/slice"]["patch"]["requestBody"]["content"]
    schemas = description["components"]["schemas"]

    assert content == {"application/json": {"schema": {"$ref": "#/components/schemas/SliceBody"}}}
    assert schemas["SliceBody"]["required"] == ["size_bytes"]
    assert schemas["SliceBody"]["additionalProperties"] is False
    settings = {"size_bytes", "variation_bytes", "gap_ms"}
    assert set(schemas["SliceBody"]["properties"]) == {*settings, "direction", "name"}
    assert schemas["DelayBody"]["properties"]["delay_ms"]["maximum"] == 2**64 - 1
    assert schemas["CorruptionBody"]["properties"]["probability_rate"]["maximum"] == 1


async def test_errors_are_described_with_their_words(description: Any) -> None:
    responses = description["components"]["responses"]

    assert "invalid probability; must be between 0.0 and 1.0" in responses["BAD_REQUEST"]["description"]
    assert "connection not found" in responses["NOT_FOUND"]["description"]
    assert "internal error" in responses["INTERNAL_SERVER_ERROR"]["description"]


async def test_parameters_are_described(description: Any) -> None:
    listing = description["paths"]["/connections"]["get"]["parameters"]
    delay = description["paths"]["/connections/{id}/delay"]["patch"]["parameters"]
    assert [each["schema"].get("pattern") for each in listing] == [CLIENT_PATTERN, None, STATE_PATTERN]

    assert [each["in"] for each in listing] == ["query"] * 3
    assert [each["name"] for each in listing] == ["client", "upstream", "state"]
    assert [(each["in"], each["name"]) for each in delay] == [("path", "id")]
    assert "_all" in delay[0]["description"]


CLIENT = re.compile(CLIENT_PATTERN)


@given(st.from_regex(CLIENT_PATTERN, fullmatch=True).filter(lambda text: not text.endswith("\n")))
def test_the_pattern_of_a_client_promises_nothing_that_is_refused(text: str) -> None:
    Clients.parse(text)


@given(st.ip_addresses(), st.integers(0, 65535), st.integers(0, 32))
def test_the_pattern_of_a_client_has_every_form(
    address: IPv4Address | IPv6Address, port: int, prefix: int
) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    for text in (str(address), address.exploded, f"{host}:{port}", f"{address}/{prefix}"):
        assert CLIENT.search(text)


@pytest.mark.parametrize(
    "text", ["", "me", "::1:", "[::1]", "1.2.3.4:65536", "1.2.3.4/33", "::1/129", "1.2.3"]
)
def test_the_pattern_of_a_client_forbids_what_is_refused(text: str) -> None:
    assert not CLIENT.search(text)


async def test_every_operation_has_an_id_of_its_own(description: Any) -> None:
    ids = [each["operationId"] for path in description["paths"].values() for each in path.values()]

    assert len(set(ids)) == len(CALLS)
    assert "patch_connections_id_delay" in ids


async def test_a_token_is_described_where_it_is_asked_for(harness: ApiHarness, description: Any) -> None:
    async with client_of(harness.controller, token="s3cret") as http:
        guarded = (await http.get("/openapi.json", headers={"authorization": "Bearer s3cret"})).json()

    assert description["security"] == []
    assert guarded["security"] == [{"token": []}]
    assert "401" in guarded["paths"]["/defaults"]["get"]["responses"]
    assert "401" not in guarded["paths"]["/health"]["get"]["responses"]
    assert guarded["paths"]["/health"]["get"]["security"] == []
