"""HTTP messages of the API: request bodies, read and checked; responses; and the response to each exception.

A body is checked in the original's order: content type (415), size (413), JSON (400), schema (422). Checks
that need more than the body, such as whether the connection exists, come after that.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from trixter.api.schemas import JSON_NAMES, Body, ErrorReply
from trixter.errors import BindError, ConnectionNotFound, OverrideNotFound, SettingError

# The original's limit, the default of its web framework. A reason may be that long.
LARGEST_BODY_BYTES = 2 * 1024 * 1024

# In the text of a JSON document: an escaped half of a surrogate pair with the half that must follow it, if it
# does; or any other escape, so that the second backslash of `\\ud800` begins none.
ESCAPE = re.compile(
    rb"\\u(?P<first>d[89ab][0-9a-f]{2})(?P<second>\\ud[c-f][0-9a-f]{2})?|\\.", re.IGNORECASE | re.DOTALL
)

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
"""The code of an error that has no code of its own, by its status."""

BodyT = TypeVar("BodyT", bound=Body)

_syntax = msgspec.json.Decoder(msgspec.Raw)

log = logging.getLogger("trixter.api")


async def read_body(request: Request, kind: type[BodyT]) -> BodyT:
    """Return the request's body, checked.

    Raises:
        HTTPException: 415, 413, 400 or 422, with the field at fault where there is one.
    """
    if not _is_json(request.headers.get("content-type", "")):
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be of content type application/json"
        )
    return _decode(await _receive(request), kind)


def _is_json(content_type: str) -> bool:
    essence = content_type.partition(";")[0].strip().lower()
    kind, _, subtype = essence.partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))


async def _receive(request: Request) -> bytes:
    # Counted as it arrives: a Content-Length may be missing.
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY_BYTES:
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the body must be at most {LARGEST_BODY_BYTES} bytes",
            )
    return bytes(body)


def _decode(body: bytes, kind: type[BodyT]) -> BodyT:
    decoder: msgspec.json.Decoder[BodyT] = _decoder(kind)
    try:
        decoded = decoder.decode(body)
    except msgspec.ValidationError as exc:
        _require_json(body)
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(exc)) from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise _malformed(body, exc) from exc
    # msgspec takes the last of several fields of one name. The original refuses them, as they are ambiguous.
    json.loads(body, object_pairs_hook=_require_distinct)
    return decoded


def _require_distinct(fields: list[tuple[str, object]]) -> None:
    names: set[str] = set()
    for name, _ in fields:
        if name in names:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"duplicate field `{name}`")
        names.add(name)


def _require_json(body: bytes) -> None:
    # The decoder stops at the first error. Behind a field of a wrong type the text may be no JSON at all, and
    # then 400 comes before 422. Decoded as Raw, without building objects: the body may be long.
    try:
        body.decode()
        _syntax.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise _malformed(body, exc) from exc


def _malformed(body: bytes, exc: Exception) -> HTTPException:
    # Of half a surrogate pair, msgspec reports that the input was truncated.
    half = next((each for each in ESCAPE.finditer(body) if each["first"] and not each["second"]), None)
    why = f"half a surrogate pair, {half[0].decode()}" if half else str(exc)
    return HTTPException(HTTPStatus.BAD_REQUEST, f"malformed JSON: {why}")


@cache
def _decoder(kind: type[BodyT]) -> msgspec.json.Decoder[BodyT]:
    return msgspec.json.Decoder(kind)


class JsonResponse(Response):
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
    return JsonResponse(ErrorReply(text, code), status_code=status, headers=headers)


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
