"""The application and its access control: requests that are refused before anything else is checked."""

from __future__ import annotations

import httpx2
import pytest
from starlette.responses import PlainTextResponse

from tests.api.api_harness import API, ApiHarness, client_of
from tests.api.one_loop import anyio_backend as anyio_backend
from trixter.api import create_app
from trixter.api.app import MOST_CHARACTERS_LOGGED, MOST_HOSTS_LOGGED, Guard
from trixter.api.limits import INTERVAL_S
from trixter.errors import SettingError

HOST = "this Host is not one this API answers to; the option --api-name allows a name"
ORIGIN = "requests of pages of another Origin are refused"
TOKEN = "the bearer token is missing or wrong"

# What str.strip() takes for space, and HTTP does not.
ODD_SPACES = [f"Bearer {space}s3cret{space}" for space in "\xa0\x85\x1c\x1d\x1e\x1f\x0b\x0c"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8888",
        "192.0.2.7:80",
        "[::1]",
        "[::1]:8888",
        "localhost",
        "localhost:8888",
        "LocalHost:1",
        "trixter.test:8888",
        "proxy",
        "localhost:",
        "[::]",
        "[::ffff:127.0.0.1]:1",
    ],
)
async def test_addresses_and_known_names_are_answered(harness: ApiHarness, host: str) -> None:
    async with client_of(harness.controller, names=("Trixter.test", "proxy")) as http:
        answer = await http.get("/connections", headers={"host": host})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "evil.test:8888",
        "localhost.evil.test",
        "127.0.0.1.evil.test",
        "2130706433",
        "::1",
        "",
        ":8888",
        "trixter.test",
        "[::1]evil.test",
        "[127.0.0.1].evil.test",
        "[127.0.0.1]",
        "[fe80::1%evil.test]",
        "[fe80::1%25eth0]",
        "fe80::1%evil.test",
        "[::1",
        "[::1]:evil",
        "[::1]:80:80",
        "[]",
        "[localhost]",
        "localhost:evil",
        "localhost:80:80",
        "localhost:123456",
        "localhost:\u0661",
        "localhost:8888,evil.test",
        "evil@localhost",
        "localhost@evil.test",
        "localhost evil",
        "127.0.0.1%evil",
    ],
)
@pytest.mark.parametrize("path", ["/connections", "/nope", "/health/", "//health", "/HEALTH"])
async def test_other_hosts_are_refused(harness: ApiHarness, host: str, path: str) -> None:
    answer = await harness.http.get(path, headers={b"host": host.encode()})

    assert (answer.status_code, answer.json()) == (403, {"error": HOST, "code": "forbidden"})


@pytest.mark.parametrize("host", ["", "trixter:8888", "host.docker.internal", "evil.test", "localhost:evil"])
async def test_health_answers_whatever_the_host_and_the_origin(harness: ApiHarness, host: str) -> None:
    headers = {"host": host, "origin": "http://evil.test"}
    async with client_of(harness.controller, token="s3cret") as http:
        answer = await http.get("/health", headers=headers)

    assert (answer.status_code, answer.text) == (200, "ok")


class Guarded:
    """A guard whose clock stands still until the test moves it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._guard = Guard(PlainTextResponse("ok"), clock=lambda: self.now)

    async def ask(self, host: str) -> None:
        transport = httpx2.ASGITransport(app=self._guard)
        async with httpx2.AsyncClient(transport=transport, base_url=API) as http:
            assert (await http.get("/connections", headers={"host": host})).status_code == 403


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(each.levelname, each.getMessage()) for each in caplog.records if each.name == "trixter.api"]


async def test_a_refused_host_is_logged_once_with_the_remedy(caplog: pytest.LogCaptureFixture) -> None:
    guarded = Guarded()
    for host in ("trixter:8888", "trixter:8888", "Trixter", "other.test", "no[host", "no[host"):
        await guarded.ask(host)
        guarded.now += INTERVAL_S

    assert logged(caplog) == [
        (
            "WARNING",
            "API: refused a request for the Host 'trixter:8888': "
            "if that is this machine, start with --api-name trixter",
        ),
        (
            "WARNING",
            "API: refused a request for the Host 'other.test': "
            "if that is this machine, start with --api-name other.test",
        ),
        ("WARNING", "API: refused a request for the Host 'no[host': that is no host"),
    ]


async def test_of_hosts_refused_at_once_one_is_logged_and_the_others_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    guarded = Guarded()
    for host in ("one.test", "two.test", "three.test"):
        await guarded.ask(host)
    guarded.now += INTERVAL_S
    await guarded.ask("two.test")

    assert [text.partition(": if that is this machine, start with ")[::2] for _, text in logged(caplog)] == [
        ("API: refused a request for the Host 'one.test'", "--api-name one.test"),
        (
            "API: refused a request for the Host 'two.test'",
            "--api-name two.test (2 more were refused since the last such line)",
        ),
    ]


async def test_pages_with_ever_new_names_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    guarded = Guarded()
    for number in range(MOST_HOSTS_LOGGED + 10):
        await guarded.ask(f"{number}.evil.test")
        guarded.now += INTERVAL_S
    assert len(caplog.records) == MOST_HOSTS_LOGGED

    caplog.clear()
    await Guarded().ask("x" * 10_000)
    (record,) = caplog.records
    assert len(record.getMessage()) < 3 * MOST_CHARACTERS_LOGGED


async def test_two_hosts_are_refused(harness: ApiHarness) -> None:
    answer = await harness.http.get("/connections", headers=[("host", "localhost"), ("host", "localhost")])

    assert (answer.status_code, answer.json()) == (403, {"error": HOST, "code": "forbidden"})


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1:8888", "https://127.0.0.1:8888", "HTTP://127.0.0.1:8888"]
)
async def test_our_own_pages_are_answered(harness: ApiHarness, origin: str) -> None:
    answer = await harness.http.post(
        "/connections/_all/shutdown", json={"reason": "x"}, headers={"origin": origin}
    )

    assert answer.status_code == 202


@pytest.mark.parametrize(
    "origin", ["null", "", "http://evil.test", "http://127.0.0.1", "http://127.0.0.1:80", "127.0.0.1:8888"]
)
async def test_pages_of_others_are_refused(harness: ApiHarness, origin: str) -> None:
    await harness.connect()

    answer = await harness.http.post(
        "/connections/_all/shutdown", json={"reason": "x"}, headers={"origin": origin}
    )

    assert (answer.status_code, answer.json()) == (403, {"error": ORIGIN, "code": "forbidden"})
    assert len(harness.proxy.registry) == 1


@pytest.mark.parametrize("authorization", ["Bearer s3cret-ü", "bearer s3cret-ü", "BEARER  s3cret-ü "])
async def test_the_token_opens(harness: ApiHarness, authorization: str) -> None:
    async with client_of(harness.controller, token="s3cret-ü") as http:
        answer = await http.get("/connections", headers={b"authorization": authorization.encode()})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cret2", "Basic s3cret", "s3cret", *ODD_SPACES],
)
@pytest.mark.parametrize("path", ["/connections", "/openapi.json", "/nope", "/health/"])
async def test_without_the_token_nothing_is_told(
    harness: ApiHarness, authorization: str | None, path: str
) -> None:
    headers = {} if authorization is None else {b"authorization": authorization.encode("latin-1")}
    async with client_of(harness.controller, token="s3cret") as http:
        answer = await http.get(path, headers=headers)

    assert (answer.status_code, answer.json()) == (401, {"error": TOKEN, "code": "unauthorized"})
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_health_needs_no_token(harness: ApiHarness) -> None:
    async with client_of(harness.controller, token="s3cret") as http:
        answer = await http.get("/health")

    assert (answer.status_code, answer.text) == (200, "ok")


async def test_an_empty_token_is_refused_when_the_app_is_made(harness: ApiHarness) -> None:
    with pytest.raises(SettingError) as caught:
        create_app(harness.controller, token="")

    assert caught.value.name == "token"
