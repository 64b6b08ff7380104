"""The ASGI application: the operations, their description, and the middleware around them."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

import msgspec
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import ASGIApp

from trixter.api.guard import Guard
from trixter.api.http import EXCEPTION_HANDLERS
from trixter.api.routes import Handlers, operations_of
from trixter.api.routing import Operation, no_such_path, routes_of
from trixter.control.controller import Controller


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
        from trixter.api.openapi import describe_api  # not needed to start

        return msgspec.json.encode(describe_api(operations, asks_token=token is not None))

    async def show_description(request: Request) -> Response:
        return Response(description(), media_type="application/json")

    operations.append(
        Operation("GET", "/openapi.json", "Describe this API", show_description, reply=dict[str, Any])
    )
    router = Router(routes_of(operations), redirect_slashes=False, default=no_such_path)
    return Guard(ExceptionMiddleware(router, EXCEPTION_HANDLERS), token=token, names=names)
