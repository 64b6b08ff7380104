"""The API's HTTP protocol: deadlines and limits, in virtual time."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from tests.api.virtual_time import FakeTransport, run
from trixter.api.http_protocol import (
    ANSWER_S,
    HEAD_BYTES,
    LAST_BYTES_S,
    LINGER_BYTES,
    LINGER_S,
    NOT_HTTP,
    REQUEST_S,
    ApiProtocol,
)
from trixter.api.limits import ConnectionLimit, RefusalLog

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
KEEP_ALIVE_S = 5.0


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without a look at the body."""
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": b"no"})


async def read_all(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with how long the body was."""
    size_bytes, is_more = 0, True
    while is_more:
        message = await receive()
        size_bytes += len(message.get("body", b""))
        is_more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % size_bytes})


class Client:
    """Send to a protocol what a client might."""

    def __init__(self, app: object = read_all) -> None:
        config = uvicorn.Config(app, http="h11", ws="none", lifespan="off", log_config=None)  # type: ignore[arg-type]
        config.h11_max_incomplete_event_size = HEAD_BYTES
        config.server_header = config.date_header = False
        config.load()
        self.lost: list[ApiProtocol] = []
        limit, log = ConnectionLimit(), logging.getLogger("trixter.api")
        self.protocol = ApiProtocol(config, ServerState(), limit, RefusalLog(log), self.lost.append)
        self.transport = FakeTransport()
        self.transport.protocol = self.protocol
        self.protocol.connection_made(self.transport)

    async def send(self, data: bytes) -> bytes:
        """Return what has been answered by now."""
        self.protocol.data_received(data)
        for _ in range(5):
            await asyncio.sleep(0)
        return self.transport.written

    async def ended_after(self, wait_s: float = 1000.0) -> tuple[str | None, float | None]:
        """Return how the connection ended, and when."""
        await asyncio.sleep(wait_s)
        return self.transport.ended, self.transport.ended_at


@pytest.mark.parametrize("first", [b"", b"GET /hea", GET[:-2], POST, POST + b"x" * 100], ids=range(5))
def test_a_request_that_does_not_arrive_has_a_deadline(first: bytes) -> None:
    async def main() -> None:
        client = Client()
        if first:
            await client.send(first)
        assert await client.ended_after() == ("reset", REQUEST_S)
        assert client.lost == [client.protocol]

    run(main())


def test_bytes_now_and_then_do_not_move_the_deadline() -> None:
    async def main() -> None:
        client = Client()
        await client.send(GET[:-2] + b"Cookie: ")
        while client.transport.ended is None:
            await client.send(b"x")
            await asyncio.sleep(1)
        assert client.transport.ended_at == REQUEST_S

    run(main())


def test_a_request_that_has_arrived_takes_its_time() -> None:
    answers = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await answers.wait()
        await read_all(scope, receive, send)

    async def main() -> None:
        client = Client(slow)
        await client.send(GET)
        assert client.protocol.waiting_since is None
        assert await client.ended_after(3600) == (None, None)
        answers.set()
        await asyncio.sleep(0)
        assert client.transport.written.endswith(b"0\r\n\r\n")
        assert await client.ended_after() == ("closed", 3600 + KEEP_ALIVE_S)

    run(main())


def test_each_request_of_a_connection_has_a_deadline_of_its_own() -> None:
    async def main() -> None:
        client = Client()
        for number in range(5):
            assert (await client.send(GET)).count(b"200 OK") == number + 1
            assert client.protocol.waiting_since == asyncio.get_running_loop().time()
            await asyncio.sleep(4)
        await client.send(b"GET ")
        assert await client.ended_after() == ("reset", 20 + REQUEST_S)

    run(main())


def test_half_a_request_behind_another_has_a_deadline() -> None:
    async def main() -> None:
        client = Client()
        assert b"200 OK" in await client.send(GET + POST)
        assert await client.ended_after() == ("reset", REQUEST_S)

    run(main())


def test_an_answer_that_is_not_taken_has_a_deadline() -> None:
    async def main() -> None:
        client = Client()
        client.protocol.pause_writing()
        await client.send(GET)
        assert await client.ended_after() == ("reset", ANSWER_S)

    run(main())


def test_an_answer_that_is_taken_slowly_has_time() -> None:
    async def main() -> None:
        client = Client()
        await client.send(GET[:-2])
        await client.send(GET[-2:])
        for _ in range(10):
            client.protocol.pause_writing()
            await asyncio.sleep(ANSWER_S - 1)
            client.protocol.resume_writing()
        assert client.transport.ended != "reset"

    run(main())


def test_a_refusal_does_not_read_the_body() -> None:
    async def main() -> None:
        client = Client(refuse)
        answer = await client.send(POST + b"x" * 10)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"\r\nConnection: close\r\n" in answer.title().replace(b"Close", b"close")
        assert client.transport.has_eof
        await client.send(b"x" * (LINGER_BYTES // 2))
        assert not client.transport.is_paused
        await client.send(b"x" * LINGER_BYTES)
        assert client.transport.is_paused
        assert await client.ended_after() == ("reset", LINGER_S)

    run(main())


def test_a_refusal_of_a_whole_request_keeps_the_connection() -> None:
    async def main() -> None:
        client = Client(refuse)
        assert (await client.send(GET)).count(b" 401 ") == 1
        assert (await client.send(GET)).count(b" 401 ") == 2
        assert b"lose" not in client.transport.written
        assert await client.ended_after() == ("closed", KEEP_ALIVE_S)

    run(main())


def test_two_lengths_close_the_connection() -> None:
    async def main() -> None:
        client = Client()
        both = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = await client.send(both + b"1\r\nx\r\n0\r\n\r\n" + GET)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"connection: close" in answer.lower()
        assert await client.ended_after() == ("reset", LINGER_S)  # the second request is unread

    run(main())


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_head_that_is_too_long_is_refused(is_whole: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        client = Client()
        head = GET[:-2] + b"a: b\r\n" * 10_000
        answer = await client.send(head + b"\r\n" * is_whole)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"error": NOT_HTTP, "code": "bad_request"}
        assert await client.ended_after() == ("reset", LINGER_S)

    run(main())
    assert [each.getMessage() for each in caplog.records] == [
        f"API: refused a request of 192.0.2.1:50000: {NOT_HTTP}"
    ]


def test_a_head_of_the_usual_length_is_taken() -> None:
    async def main() -> None:
        assert b"200 OK" in await Client().send(GET[:-2] + b"Cookie: " + b"x" * 8000 + b"\r\n\r\n")

    run(main())


def test_a_request_for_an_upgrade_is_answered_and_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        assert b"200 OK" in await Client().send(GET[:-2] + upgrade)

    run(main())
    assert caplog.records == []


def test_the_end_of_an_answer_that_is_not_taken_has_a_deadline() -> None:
    async def main() -> None:
        client = Client()
        client.transport.protocol = None  # not lost until it is reset
        client.transport.unsent_bytes = 10
        await client.send(GET[:-2] + b"Connection: close\r\n\r\n")
        assert client.transport.ended == "closed"
        client.protocol.transport.close()  # idempotent
        assert await client.ended_after() == ("reset", LAST_BYTES_S)

    run(main())
