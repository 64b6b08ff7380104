"""Reading a request's body, in the order of the original's checks.

Content type (415), size (413), JSON (400), schema (422). Checks that need more than the body, such as whether
the connection exists, come after that.
"""

from __future__ import annotations

import json
import re
from functools import cache
from http import HTTPStatus
from typing import TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from trixter.api.schemas import Body

# The original's limit, the default of its web framework. A reason may be that long.
LARGEST_BODY_BYTES = 2 * 1024 * 1024

# In the text of a JSON document: an escaped half of a surrogate pair with the half that must follow it, if it
# does; or any other escape, so that the second backslash of `\\ud800` begins none.
ESCAPE = re.compile(
    rb"\\u(?P<first>d[89ab][0-9a-f]{2})(?P<second>\\ud[c-f][0-9a-f]{2})?|\\.", re.IGNORECASE | re.DOTALL
)

_syntax = msgspec.json.Decoder(msgspec.Raw)

BodyT = TypeVar("BodyT", bound=Body)


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
