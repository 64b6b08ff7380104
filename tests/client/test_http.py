"""HTTP: headers, URLs, and the errors raised without a good response."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import httpx2
import msgspec
import pytest
from freezegun import freeze_time

from tests.api.api_harness import API, ApiHarness, client_of
from trixter import AsyncClient, Client
from trixter.api.app import UNKNOWN_HOST
from trixter.api.status import describe
from trixter.client.http import API_URL
from trixter.errors import ApiError, ApiUnreachable, ConnectionNotFound, SettingError, WaitTimeout
from trixter.faults import NO_FAULTS

Answer = Callable[[httpx2.Request], httpx2.Response]


def calm_proxy(request: httpx2.Request) -> httpx2.Response:
    defaults = msgspec.to_builtins(describe(NO_FAULTS).everything)
    stats = {
        "connections_accepted": 0,
        "connections_open": 0,
        "bytes": {"upstream": 0, "downstream": 0},
        "ended": {},
    }
    shown: dict[str, object] = {
        "/connections": [],
        "/proxy": {"listen": ["0.0.0.0:80"], "upstream": "db:1", "availability": "up", "stats": stats},
        "/defaults": {"upstream": defaults, "downstream": defaults, "connection_duration_ms": 0},
    }
    return httpx2.Response(200, json=shown[request.url.path])


@contextmanager
def talking_to(answer: Answer, url: str = API_URL, token: str | None = None) -> Iterator[Client]:
    """Give a client that is answered like this."""
    with (
        httpx2.Client(verify=False, transport=httpx2.MockTransport(answer)) as http,
        Client(url, token=token, http=http) as it,
    ):
        yield it


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://127.0.0.1:8888", "http://127.0.0.1:8888/connections"),
        ("http://127.0.0.1:8888/", "http://127.0.0.1:8888/connections"),
        ("127.0.0.1:8888", "http://127.0.0.1:8888/connections"),
        ("[::1]:8888", "http://[::1]:8888/connections"),
        ("localhost", "http://localhost/connections"),
        ("https://staging.example/chaos/", "https://staging.example/chaos/connections"),
    ],
)
def test_a_url_is_taken_in_all_its_forms(url: str, asked: str) -> None:
    urls: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        urls.append(str(request.url))
        return httpx2.Response(200, json=[])

    with talking_to(answer, url) as client:
        assert client.connections() == []
        assert repr(client) == f"Client({asked.removesuffix('/connections')!r})"
    assert urls == [asked]


@pytest.mark.parametrize(
    "url", ["", "http://", "ftp://x", "http://x:99999", "http://x:0", "http://[::1", "http://x/?y=1", None]
)
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_what_is_no_url_is_refused(kind: type[Client | AsyncClient], url: str) -> None:
    with pytest.raises(SettingError, match="url must be the URL of an API, such as http://127"):
        kind(url)


@pytest.mark.parametrize("timeout_s", [0, -1, float("inf"), float("nan"), None, True])
def test_what_is_no_timeout_is_refused(timeout_s: float) -> None:
    with pytest.raises(SettingError, match="timeout_s must be a number of seconds, more than 0"):
        Client(timeout_s=timeout_s)


@pytest.mark.parametrize(("token", "shown"), [("", "''"), ("secret\n", "'…'"), (7, "'…'")])
def test_a_token_that_no_header_can_carry_is_refused_and_not_shown(token: str, shown: str) -> None:
    with pytest.raises(SettingError, match=f"^token must be text .* control characters, not {shown}$"):
        Client(token=token)


def test_the_proxy_is_reached_where_its_api_is() -> None:
    with talking_to(calm_proxy, "http://staging.example:8888") as client:
        assert (client.host(), client.port(), client.address()) == (
            "staging.example",
            80,
            "staging.example:80",
        )
        assert client.url("http") == "http://staging.example:80"


@pytest.mark.parametrize("token", ["secret", "gehören"])
async def test_the_token_is_shown(harness: ApiHarness, token: str) -> None:
    async with client_of(harness.controller, token=token) as http:
        assert await AsyncClient(API, token=token, http=http).connections() == []
        for wrong in (None, "wrong"):
            with pytest.raises(ApiError, match=r"^the bearer token is missing or wrong \(401\)$") as caught:
                await AsyncClient(API, token=wrong, http=http).connections()
            assert caught.value.status == 401
            assert caught.value.message == "the bearer token is missing or wrong"


async def test_a_name_that_the_api_does_not_know_is_told(harness: ApiHarness) -> None:
    with pytest.raises(ApiError, match=rf"^{UNKNOWN_HOST} \(403\)$"):
        await AsyncClient("http://elsewhere.test", http=harness.http).stats()


BAD_ANSWERS = {
    "an error of another": (
        httpx2.Response(502, text="<html>\n  Bad Gateway</html>"),
        "^this is no answer of trixter's API: <html> Bad Gateway</html> .502.$",
    ),
    "an error without a body": (httpx2.Response(503), r"^no reason was given \(503\)$"),
    "a redirect": (httpx2.Response(302, headers={"location": "/login"}), r"\(302\)$"),
    "a page": (httpx2.Response(200, text="<html>"), "^this is no answer of trixter's API: .* .200.$"),
    "other JSON": (httpx2.Response(200, json={}), "^this is no answer of trixter's API: .*array"),
    "no text": (httpx2.Response(200, content=b'["\xff"]'), "^this is no answer of trixter's API: "),
    "an error that is no text": (httpx2.Response(500, content=b"\xff"), "500"),
}


@pytest.mark.parametrize(("answer", "text"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_an_answer_that_is_none_is_told_in_one_line(answer: httpx2.Response, text: str) -> None:
    with talking_to(lambda request: answer) as client, pytest.raises(ApiError, match=text) as caught:
        client.connections()
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, ConnectionNotFound)


def test_a_path_that_is_not_there_is_no_connection_that_is_over() -> None:
    answer = httpx2.Response(404, json={"error": "no such path"})
    with (
        talking_to(lambda request: answer) as client,
        pytest.raises(ApiError, match="no such path") as caught,
    ):
        client.connection("a1-1")
    assert not isinstance(caught.value, ConnectionNotFound)


def wrapping(text: str, *causes: BaseException) -> httpx2.RequestError:
    """Return an error with causes in it, the last one the deepest."""
    error = httpx2.ConnectError(text)
    for outer, inner in pairwise([error, *causes]):
        outer.__cause__ = inner
    return error


FAILURES = {
    "by itself": (
        wrapping("[Errno 111] …", ConnectionRefusedError(111, "Connection refused")),
        "connection refused",
    ),
    "through a loop": (
        wrapping("failed", OSError("all failed"), ConnectionRefusedError(111, "Connect call failed")),
        "connection refused",
    ),
    "through a nursery": (
        wrapping("failed", OSError("all failed"), ExceptionGroup("all", [OSError(113, "Error connecting")])),
        "no route to host",
    ),
    "no such name": (
        wrapping("failed", socket.gaierror(-2, "Name or service not known")),
        "name or service not known",
    ),
    "late": (httpx2.ReadTimeout("timed out"), "nothing came within 5 s"),
    "gone": (httpx2.RemoteProtocolError("Server disconnected"), "Server disconnected"),
    "without a message": (httpx2.ReadError(""), "ReadError"),
}


@pytest.mark.parametrize(("failure", "reason"), FAILURES.values(), ids=FAILURES)
async def test_when_nothing_answers_it_is_told_where_and_why(
    failure: httpx2.RequestError, reason: str
) -> None:
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise failure

    with talking_to(fail) as client, pytest.raises(ApiUnreachable) as caught:
        client.stats()
    assert str(caught.value) == f"no API answers at http://127.0.0.1:8888: {reason}"
    async with (
        httpx2.AsyncClient(verify=False, transport=httpx2.MockTransport(fail)) as http,
        AsyncClient(http=http) as later,
    ):
        with pytest.raises(ApiUnreachable, match=reason):
            await later.stats()


def test_the_time_it_may_take_is_passed_on() -> None:
    seen: list[object] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.extensions["timeout"])
        return httpx2.Response(200, json=[])

    with httpx2.Client(verify=False, transport=httpx2.MockTransport(answer)) as http:
        assert Client(http=http, timeout_s=1.5).connections() == []
    assert seen == [{"connect": 1.5, "read": 1.5, "write": 1.5, "pool": 1.5}]


async def test_what_was_lent_stays_open_and_what_is_its_own_is_closed() -> None:
    with httpx2.Client(verify=False) as http:
        Client(http=http).close()
        assert not http.is_closed
    client = Client()
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.stats()
    async with httpx2.AsyncClient(verify=False) as http_later:
        await AsyncClient(http=http_later).close()
        assert not http_later.is_closed
    async with AsyncClient() as later:
        assert repr(later) == "AsyncClient('http://127.0.0.1:8888')"
    await later.close()


def test_a_sync_client_waits_by_looking() -> None:
    with talking_to(calm_proxy) as client:
        client.wait_for_no_connections()
        with pytest.raises(WaitTimeout, match=r"timed out after 0\.02 s waiting for a live connection"):
            client.wait_for_connection(timeout_s=0.02)


def test_a_wait_in_vain_ends_in_frozen_time() -> None:
    with talking_to(calm_proxy) as client, freeze_time("2020-01-01"), pytest.raises(WaitTimeout):
        client.wait_for_connection(timeout_s=0.02)
