"""Responses: JSON, an empty 202, or an error; and the response to each exception."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from trixter.api.schemas import JSON_NAMES, ErrorReply
from trixter.errors import BindError, ConnectionNotFound, OverrideNotFound, SettingError

log = logging.getLogger("trixter.api")

INVALID_PROBABILITY = "invalid probability; must be between 0.0 and 1.0"
CONNECTION_NOT_FOUND = "connection not found"
OVERRIDE_NOT_FOUND = "override not found"
INTERNAL_ERROR = "internal error"

CODES = {
    HTTPStatus.BAD_REQUEST: "bad_request",
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.CONFLICT: "cannot_listen",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body_too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
    HTTPStatus.UNPROCESSABLE_ENTITY: "invalid",
    HTTPStatus.INTERNAL_SERVER_ERROR: "internal_error",
}
"""The word that a program knows an error by, where it has no word of its own."""


class Json(Response):
    """A response with a value that msgspec can encode."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        return msgspec.json.encode(content)


def accepted() -> Response:
    """Return the original's response to a change that was made: 202, without a body."""
    return Response(status_code=HTTPStatus.ACCEPTED)


def error(
    status: int, text: str, headers: Mapping[str, str] | None = None, *, code: str | None = None
) -> Response:
    """Return an error, which programs know by its code: by default that of its status."""
    code = CODES[HTTPStatus(status)] if code is None else code
    return Json(ErrorReply(text, code), status_code=status, headers=headers)


async def _refused(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    return error(exc.status_code, exc.detail, exc.headers)


async def _out_of_range(request: Request, exc: Exception) -> Response:
    # The one place where a setting's name becomes the API's.
    assert isinstance(exc, SettingError)
    if exc.name == "probability":
        return error(HTTPStatus.BAD_REQUEST, INVALID_PROBABILITY, code="invalid_probability")
    return error(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"{JSON_NAMES.get(exc.name, exc.name)} must be {exc.accepts}"
    )


async def _no_connection(request: Request, exc: Exception) -> Response:
    return error(HTTPStatus.NOT_FOUND, CONNECTION_NOT_FOUND, code="connection_not_found")


async def _no_override(request: Request, exc: Exception) -> Response:
    return error(HTTPStatus.NOT_FOUND, OVERRIDE_NOT_FOUND, code="override_not_found")


async def _cannot_listen(request: Request, exc: Exception) -> Response:
    return error(HTTPStatus.CONFLICT, str(exc))


async def _hung_up(request: Request, exc: Exception) -> Response:
    # The client is gone, but the application has to return a response all the same.
    return error(HTTPStatus.BAD_REQUEST, "the request was not sent to its end")


async def _failed(request: Request, exc: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=exc)
    return error(HTTPStatus.INTERNAL_SERVER_ERROR, INTERNAL_ERROR)


EXCEPTION_HANDLERS: dict[type[Exception], ExceptionHandler] = {
    HTTPException: _refused,
    SettingError: _out_of_range,
    BindError: _cannot_listen,
    ConnectionNotFound: _no_connection,
    OverrideNotFound: _no_override,
    ClientDisconnect: _hung_up,
    Exception: _failed,
}
"""Of an exception's classes, the most specific one that is listed here decides."""
