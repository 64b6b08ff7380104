"""Request targets in absolute form, and requests that name no host."""

from __future__ import annotations

import json

import pytest
from starlette.types import Message, Scope

from tests.api.api_harness import ApiHarness
from tests.api.one_loop import anyio_backend as anyio_backend
from tests.api.served_api import ServedApi
from trixter.api import create_app
from trixter.api.app import UNKNOWN_HOST

CLOSE = b"Connection: close\r\n"


async def status_of(served: ServedApi, line: str, *headers: str, body: bytes = b"") -> int:
    """Return the status that a request with this first line gets."""
    lines = [line, *headers, f"Content-Length: {len(body)}"]
    head = "".join(f"{each}\r\n" for each in lines).encode()
    status, _ = await served.ask(head + CLOSE + b"\r\n" + body)
    return status


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://127.0.0.1:8888/connections", 200),
        ("http://localhost/connections?client=192.0.2.1", 200),
        ("http://[::1]:8888/defaults", 200),
        ("HTTPS://LocalHost/proxy", 200),
        ("http://evil.example/health", 200),
        ("http://localhost", 404),
        ("http://localhost/", 404),
        ("http://localhost/nope", 404),
        ("http://localhost/connections/no%62ody", 404),
        ("http://evil.example/connections", 403),
        ("http://evil@localhost/connections", 403),
        ("http://localhost@evil.example/connections", 403),
        ("http:///connections", 403),
        ("http://[::1]evil.example/connections", 403),
    ],
)
async def test_a_target_may_be_absolute_and_its_host_counts(
    served: ServedApi, target: str, status: int
) -> None:
    for host in ("127.0.0.1", "evil.example"):
        assert await status_of(served, f"GET {target} HTTP/1.1", f"Host: {host}") == status


async def test_changes_may_be_asked_for_so_too(served: ServedApi) -> None:
    connection = await served.harness.connect()
    target = f"http://localhost:8888/connections/{connection.id}/delay"
    json_ = "Content-Type: application/json"

    status = await status_of(
        served, f"PATCH {target} HTTP/1.1", "Host: localhost", json_, body=b'{"delay_ms": 5}'
    )

    assert status == 202
    assert served.harness.faults()[0] != served.harness.faults()[-1]


async def test_an_origin_is_compared_with_the_host_of_an_absolute_target(served: ServedApi) -> None:
    line = "GET http://localhost:8888/connections HTTP/1.1"
    origin = "Origin: http://evil.example"

    assert await status_of(served, line, "Host: evil.example", origin) == 403
    assert await status_of(served, line, "Host: x", "Origin: http://localhost:8888") == 200


@pytest.mark.parametrize("path", ["/health", "/connections", "/defaults", "/openapi.json"])
async def test_http_1_0_needs_no_host(served: ServedApi, path: str) -> None:
    assert await status_of(served, f"GET {path} HTTP/1.0") == 200


async def test_http_1_0_needs_the_token_all_the_same(harness: ApiHarness) -> None:
    app = create_app(harness.controller, token="s3cret")
    scope: Scope = {
        "type": "http",
        "http_version": "1.0",
        "method": "GET",
        "path": "/connections",
        "headers": [],
    }
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, _no_body, send)

    assert sent[0]["status"] == 401


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def test_http_1_0_with_a_host_is_checked_like_any_other(served: ServedApi) -> None:
    assert await status_of(served, "GET /connections HTTP/1.0", "Host: localhost") == 200
    assert await status_of(served, "GET /connections HTTP/1.0", "Host: evil.example") == 403
    assert await status_of(served, "GET /connections HTTP/1.0", "Host:") == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://", "", "/", "http:///"])
async def test_without_a_host_no_origin_is_ours(served: ServedApi, origin: str) -> None:
    assert await status_of(served, "GET /connections HTTP/1.0", f"Origin: {origin}") == 403


async def test_http_1_1_needs_one(served: ServedApi) -> None:
    assert await status_of(served, "GET /connections HTTP/1.1") == 400


async def test_the_refusal_names_the_option(served: ServedApi) -> None:
    status, body = await served.ask(b"GET /connections HTTP/1.1\r\nHost: trixter\r\n" + CLOSE + b"\r\n")

    assert (status, json.loads(body)) == (403, {"error": UNKNOWN_HOST, "code": "forbidden"})
    assert "--api-name" in UNKNOWN_HOST
