"""Reading a request's body, in the order of the original's checks.

Content type (415), size (413), JSON (400), shape (422). What needs more than the body to be judged, such
as whether the connection exists, comes after that.
"""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from trixter.api.bodies import Body

# A thousand times what any call needs, and still nothing to a process that relays traffic.
LARGEST_BODY_BYTES = 64 * 1024

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
        return decoder.decode(body)
    except msgspec.ValidationError as exc:
        _require_json(body)
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(exc)) from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"malformed JSON: {exc}") from exc


def _require_json(body: bytes) -> None:
    # The decoder stops at the first fault it meets. Behind a field of a wrong type there may be something
    # that is no JSON at all, and that is the graver one.
    try:
        msgspec.json.decode(body)
    except msgspec.ValidationError:
        pass  # a number too large for msgspec is JSON all the same
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"malformed JSON: {exc}") from exc


@cache
def _decoder(kind: type[BodyT]) -> msgspec.json.Decoder[BodyT]:
    return msgspec.json.Decoder(kind)
