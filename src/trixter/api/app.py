"""The ASGI application: the operations, their description, and access control around them.

Access is by the Host, the Origin and the token of a request.
"""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Callable, Collection
from functools import cache
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from urllib.parse import unquote

import msgspec
from starlette.datastructures import Headers
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from trixter.api.http import EXCEPTION_HANDLERS, error
from trixter.api.limits import RefusalLog
from trixter.api.routes import OPEN_PATH, Handlers, operations_of
from trixter.api.routing import Operation, no_such_path, routes_of
from trixter.control.controller import Controller
from trixter.errors import SettingError
from trixter.monotonic import monotonic

UNKNOWN_HOST = "this Host is not one this API answers to; the option --api-name allows a name"

# One line in the log for each refused Host, of so many at most: more names than a machine usually has. A page
# that tries others must not fill the log.
MOST_HOSTS_LOGGED = 20

# The longest host name that DNS allows; longer ones are cut in the log.
MOST_CHARACTERS_LOGGED = 255

# `host`, `host:port` or `[address]:port` and nothing else. A zone (`%eth0`) is for this machine alone, and
# RFC 6874 keeps it out of requests.
HOST = re.compile(r"(?:\[(?P<ipv6>[0-9a-fA-F:.]+)\]|(?P<host>[^\[\]:@%]+))(?::[0-9]{0,5})?")

# `http://host:port/path`: RFC 9112, section 3.2.2. A server must accept it.
ABSOLUTE_FORM = re.compile(rb"[a-z][a-z0-9+.-]*://(?P<authority>[^/]*)(?P<path>.*)", re.IGNORECASE)

log = logging.getLogger("trixter.api")


def create_app(controller: Controller, *, token: str | None = None, names: Collection[str] = ()) -> ASGIApp:
    """Return the REST API of one proxy, to be run on the proxy's own loop.

    Args:
        controller: The proxy's; all changes go through it.
        token: The token that requests must carry as ``Authorization: Bearer …``; ``None`` for none.
        names: Host names that are allowed, beside ``localhost`` and every IP address.

    Raises:
        SettingError: If the token is empty.
    """
    operations = operations_of(Handlers(controller))

    @cache
    def description() -> bytes:
        # It is seldom asked for: a server that has just started does without.
        from trixter.api.openapi import describe_api

        return msgspec.json.encode(describe_api(operations, asks_token=token is not None))

    async def show_description(request: Request) -> Response:
        return Response(description(), media_type="application/json")

    operations.append(
        Operation("GET", "/openapi.json", "Describe this API", show_description, reply=dict[str, Any])
    )
    router = Router(routes_of(operations), redirect_slashes=False, default=no_such_path)
    return Guard(ExceptionMiddleware(router, EXCEPTION_HANDLERS), token=token, names=names)


class Guard:
    """Middleware that refuses requests of other sites' pages, and of callers without the token.

    A page can make its name resolve to 127.0.0.1 and then read our responses (DNS rebinding): its requests
    carry that name as ``Host``, so only addresses and configured names are allowed. A page can also send
    requests without reading the responses: those carry its ``Origin``.

    Args:
        app: The application behind it.
        token: The token that requests must carry as ``Authorization: Bearer …``; ``None`` for none.
        names: Host names that are allowed, beside ``localhost`` and every IP address.
        clock: Returns the time for the log of refusals, in seconds.

    Raises:
        SettingError: If the token is empty, which would be no token.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str | None = None,
        names: Collection[str] = (),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        if token == "":
            raise SettingError("token", token, "at least one character")
        self._app = app
        self._token = None if token is None else token.encode()
        self._names = {"localhost", *(name.lower() for name in names)}
        self._hosts_logged: set[str] = set()
        self._refusals = RefusalLog(log, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None
        if scope["type"] == "http":
            scope = origin_form(scope)
            if scope["path"] != OPEN_PATH:
                refusal = self._refusal(scope, Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        if not self._knows_host(scope, headers):
            return error(HTTPStatus.FORBIDDEN, UNKNOWN_HOST)
        if not _is_from_here(headers):
            return error(HTTPStatus.FORBIDDEN, "requests of pages of another Origin are refused")
        if not self._may_enter(headers):
            return error(
                HTTPStatus.UNAUTHORIZED,
                "the bearer token is missing or wrong",
                {"WWW-Authenticate": "Bearer"},
            )
        return None

    def _knows_host(self, scope: Scope, headers: Headers) -> bool:
        hosts = headers.getlist("host")
        if not hosts:
            # Every browser sends one, so this is no page. HTTP/1.1 demands it of all programs.
            return str(scope["http_version"]) == "1.0"
        if len(hosts) != 1:
            return False
        host, is_literal = _host_of(hosts[0])
        if is_literal or host in self._names:
            return True
        self._log_unknown(hosts[0][:MOST_CHARACTERS_LOGGED], host[:MOST_CHARACTERS_LOGGED])
        return False

    def _log_unknown(self, shown: str, host: str) -> None:
        if (host or shown) in self._hosts_logged or len(self._hosts_logged) == MOST_HOSTS_LOGGED:
            return
        remedy = f"if that is this machine, start with --api-name {host}" if host else "that is no host"
        if self._refusals.warn("API: refused a request for the Host %r: %s", shown, remedy):
            self._hosts_logged.add(host or shown)

    def _may_enter(self, headers: Headers) -> bool:
        if self._token is None:
            return True
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        # Headers are decoded as Latin-1, so this gives the bytes that were sent. The space of HTTP is U+0020
        # alone; str.strip() without an argument would also remove U+00A0.
        return (
            hmac.compare_digest(shown.strip(" ").encode("latin-1"), self._token)
            and scheme.lower() == "bearer"
        )


def origin_form(scope: Scope) -> Scope:
    """Return the request with its target in origin form, and the target's host as its ``Host``.

    Clients that take the API for an HTTP proxy send the absolute form.

    RFC 9112 wants the ``Host`` header ignored then, so a page cannot hide its own name behind another one.

    Args:
        scope: An HTTP request's; returned unchanged if its target is not in absolute form.
    """
    found = ABSOLUTE_FORM.fullmatch(scope.get("raw_path") or b"")
    if found is None:
        return scope
    path = found["path"] or b"/"
    headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {
        **scope,
        "path": unquote(path.decode("ascii", "replace")),
        "raw_path": path,
        "headers": [(b"host", found["authority"]), *headers],
    }


def _host_of(netloc: str) -> tuple[str, bool]:
    """Return the host of ``host:port``, and whether it is an IP address; an empty host if it is malformed."""
    found = HOST.fullmatch(netloc)
    if found is None:
        return "", False
    ipv6, host = found["ipv6"], found["host"]
    try:
        IPv6Address(ipv6) if ipv6 is not None else IPv4Address(host)
    except ValueError:
        return (host or "").lower(), False
    return ipv6 or host, True


def _is_from_here(headers: Headers) -> bool:
    # The scheme is not compared: a server in front of us may terminate TLS. "null", the origin of sandboxed
    # pages and files, has no "//" and so never matches.
    origins = headers.getlist("origin")
    if "host" not in headers:
        return not origins
    here = headers["host"].lower()
    return all(origin.lower().partition("://")[2] == here for origin in origins)
