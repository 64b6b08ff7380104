"""The API over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from tests.api.api_harness import JSON, ApiHarness
from tests.api.served_api import ServedApi
from trixter.addresses import text_of
from trixter.api import ApiServer, create_app
from trixter.api.listing import ChunkedJsonResponse
from trixter.errors import BindError
from trixter.faults import Direction, Faults, Latency
from trixter.proxy.listen_socket import listen_sockets


async def test_it_answers_on_its_port(served: ServedApi) -> None:
    connection = await served.harness.connect()

    async with httpx2.AsyncClient(base_url=served.url) as http:
        health = await http.get("/health")
        patched = await http.patch(f"/connections/{connection.id}/delay", json={"delay_ms": 1})
        listed = await http.get("/connections")

    assert (health.status_code, health.text) == (200, "ok")
    assert (patched.status_code, patched.content) == (202, b"")
    assert connection.pipe(Direction.UPSTREAM).faults == Faults(Latency(delay_s=0.001))
    assert [each["conn_info"]["id"] for each in listed.json()] == [connection.id]


async def test_it_tells_nothing_about_itself(served: ServedApi) -> None:
    async with httpx2.AsyncClient(base_url=served.url) as http:
        answer = await http.get("/health")

    assert set(answer.headers) == {"content-length", "content-type"}


async def test_a_head_has_no_body(served: ServedApi) -> None:
    async with httpx2.AsyncClient(base_url=served.url) as http:
        answer = await http.head("/connections")

    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "2")


async def test_a_large_list_arrives_whole(served: ServedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trixter.api.listing.SENT_BYTES", 100)
    ids = [(await served.harness.connect()).id for _ in range(10)]

    async with httpx2.AsyncClient(base_url=served.url) as http:
        answer = await http.get("/connections")

    assert [each["conn_info"]["id"] for each in answer.json()] == ids
    assert int(answer.headers["content-length"]) == len(answer.content)


async def test_a_body_without_a_length_is_limited_too(served: ServedApi) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * 65536

    async with httpx2.AsyncClient(base_url=served.url) as http:
        answer = await http.patch("/defaults", content=endless(), headers=JSON)

    assert (answer.status_code, answer.json()) == (
        413,
        {"error": "the body must be at most 2097152 bytes", "code": "body_too_large"},
    )


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"", id="silent"),
        pytest.param(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", id="idle"),
        pytest.param(b"GET /hea", id="in the middle of a line"),
        pytest.param(
            b"PATCH /defaults HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
            id="in the middle of a body",
        ),
    ],
)
async def test_it_stops_at_once_whoever_is_connected(served: ServedApi, request_: bytes) -> None:
    reader, writer = await asyncio.open_connection(served.host, served.port)
    writer.write(request_)
    if request_.startswith(b"GET /health "):
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 OK")

    await served.server.stop()

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(served.host, served.port)
    with suppress(ConnectionResetError):  # that is the end, too, where something was left unread
        assert await reader.read() == b""
    writer.close()


async def test_it_stops_at_once_although_a_client_does_not_read(anyio_backend: object) -> None:
    started, finished = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        started.set()
        await ChunkedJsonResponse(bytearray(64 * 1024 * 1024))(scope, receive, send)
        finished.set()

    sockets = listen_sockets("127.0.0.1:0", "api")
    host, port = sockets[0].getsockname()
    server = ApiServer(app, sockets)
    await server.start()
    with socket.create_connection((host, port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await started.wait()
        assert not finished.is_set()

        await server.stop()

    assert finished.is_set(), "nothing runs on"


async def test_stopping_twice_is_no_error(served: ServedApi) -> None:
    await served.server.stop()
    await served.server.stop()


async def test_it_can_be_stopped_without_a_start(harness: ApiHarness) -> None:
    sockets = listen_sockets("127.0.0.1:0", "api")
    address = sockets[0].getsockname()

    await ApiServer(create_app(harness.controller), sockets).stop()

    with socket.socket() as again:
        again.bind(address)


async def test_a_port_that_another_program_took_meanwhile_is_a_bind_error(harness: ApiHarness) -> None:
    sockets = listen_sockets("127.0.0.1:0", "api")
    address = text_of(sockets[0].getsockname())
    server = ApiServer(create_app(harness.controller), sockets)
    (rival,) = listen_sockets(address, "api")
    with rival:
        rival.listen()

        with pytest.raises(BindError) as caught:
            await server.start()

    assert caught.value.address == address
    await server.stop()
