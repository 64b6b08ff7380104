"""Who may talk to the API at all."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from http import HTTPStatus
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from trixter.api.answers import error
from trixter.errors import SettingError

# A load balancer that asks whether we live has no token, and learns nothing else here.
OPEN_PATH = "/health"


class Guard:
    """Turn away pages of other sites and callers without the token, before anything else is looked at.

    A page can make its name point at 127.0.0.1 and then read our answers (DNS rebinding): its requests
    carry that name as ``Host``, so only addresses and names we were told are good. A page can also send
    requests without reading the answers: those carry its ``Origin``.

    Args:
        app: What is guarded.
        token: What callers must show as ``Authorization: Bearer …``; ``None`` asks for nothing.
        names: Host names we answer to, beside ``localhost`` and every IP address.

    Raises:
        SettingError: If the token is empty, which would be no token.
    """

    def __init__(self, app: ASGIApp, *, token: str | None = None, names: Collection[str] = ()) -> None:
        if token == "":
            raise SettingError("token", token, "at least one character")
        self._app = app
        self._token = None if token is None else token.encode()
        self._names = {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if not self._knows_host(headers):
                refusal = error(HTTPStatus.FORBIDDEN, "this Host is not one this API answers to")
            elif not _is_from_here(headers):
                refusal = error(HTTPStatus.FORBIDDEN, "requests of pages of another Origin are refused")
            elif scope["path"] != OPEN_PATH and not self._may_enter(headers):
                refusal = error(
                    HTTPStatus.UNAUTHORIZED,
                    "the bearer token is missing or wrong",
                    {"WWW-Authenticate": "Bearer"},
                )
        await (refusal or self._app)(scope, receive, send)

    def _knows_host(self, headers: Headers) -> bool:
        hosts = headers.getlist("host")
        if len(hosts) != 1:
            return False
        host, is_literal = _host_of(hosts[0])
        return is_literal or host in self._names

    def _may_enter(self, headers: Headers) -> bool:
        if self._token is None:
            return True
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        # Headers are decoded as Latin-1, so this gives the bytes that were sent.
        return (
            hmac.compare_digest(shown.strip().encode("latin-1"), self._token) and scheme.lower() == "bearer"
        )


def _host_of(netloc: str) -> tuple[str, bool]:
    """Return the host of ``host:port``, and whether it is an IP address."""
    host = netloc[1:].partition("]")[0] if netloc.startswith("[") else netloc.partition(":")[0]
    try:
        ip_address(host)
    except ValueError:
        return host.lower(), False
    return host, True


def _is_from_here(headers: Headers) -> bool:
    # The scheme does not count: something in front of us may have ended TLS. "null", the origin of
    # sandboxed pages and files, has no "//" and so never matches.
    here = headers["host"].lower()
    return all(origin.lower().partition("://")[2] == here for origin in headers.getlist("origin"))
