"""The description of the API, OpenAPI 3.1, made from the very types that decode the requests."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec

from trixter import __version__
from trixter.api.http import (
    CONNECTION_NOT_FOUND,
    INTERNAL_ERROR,
    INVALID_PROBABILITY,
    LARGEST_BODY_BYTES,
    OVERRIDE_NOT_FOUND,
)
from trixter.api.routing import Operation
from trixter.api.schemas import ErrorReply

ABOUT = (
    "Show the connections of a trixter proxy, and change their faults while they talk. "
    "Paths that are not described answer 404, and methods that are not, 405; all errors are "
    '`{"error": "…", "code": "…"}`. A call that is refused changes nothing. '
    "Beyond the schemas, whole numbers have no fraction (`250`, not `250.0`), no field is given "
    "twice, and a variation is less than the size. "
    "Other parameters in a query are ignored where something is shown. Where something is changed, the names "
    "of filters are refused, and for `_all` every parameter with a value, but for `_`."
)

ERRORS = {
    HTTPStatus.BAD_REQUEST: f"malformed JSON, or `{INVALID_PROBABILITY}`",
    HTTPStatus.UNAUTHORIZED: "the bearer token is missing or wrong",
    HTTPStatus.FORBIDDEN: "the Host is not one this API answers to, or the Origin is foreign",
    HTTPStatus.NOT_FOUND: f"`{CONNECTION_NOT_FOUND}`, or `{OVERRIDE_NOT_FOUND}`",
    HTTPStatus.CONFLICT: "another program has the port by now; the proxy stays as it is",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: f"the body has more than {LARGEST_BODY_BYTES} bytes",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "the body is not of content type application/json",
    HTTPStatus.UNPROCESSABLE_ENTITY: "something is missing, unknown, of a wrong type or out of range",
    HTTPStatus.INTERNAL_SERVER_ERROR: f"`{INTERNAL_ERROR}`",
}

ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "`conn_info.id` of a connection; where something is changed, `_all` means every one",
}

OVERRIDE_ID = {**ID, "description": "the `id` of an override"}

Described = dict[str, Any]


def describe_api(operations: Iterable[Operation], *, asks_token: bool) -> Described:
    """Return the description of these operations.

    Args:
        operations: With everything about them.
        asks_token: Whether those that are not open need one.
    """
    operations = list(operations)
    schemas, definitions = _schemas_of(operations)
    paths: dict[str, Described] = {}
    for operation in operations:
        described = _describe(operation, schemas, asks_token=asks_token)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    components = {
        "schemas": definitions,
        "responses": {
            status.name: {"description": text, "content": _json(schemas[ErrorReply])}
            for status, text in ERRORS.items()
        },
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "trixter", "version": __version__, "description": ABOUT},
        "security": [{"token": []}] if asks_token else [],
        "paths": paths,
        "components": components,
    }


def _schemas_of(operations: list[Operation]) -> tuple[dict[Any, Described], Described]:
    """Return the schema of each type, and the definitions they refer to."""
    types: list[Any] = [ErrorReply]
    for operation in operations:
        types += [kind for kind in (operation.body, operation.reply) if kind is not None]
    schemas, definitions = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    return dict(zip(types, schemas, strict=True)), definitions


def _describe(operation: Operation, schemas: dict[Any, Described], *, asks_token: bool) -> Described:
    success: Described = {"description": operation.status.phrase}
    if operation.reply is str:
        success["content"] = {"text/plain": {"schema": schemas[str]}}
    elif operation.reply is not None:
        success["content"] = _json(schemas[operation.reply])
    refusals = {
        str(status.value): {"$ref": f"#/components/responses/{status.name}"}
        for status in _refusals_of(operation, asks_token=asks_token)
    }
    described: Described = {
        "operationId": _id_of(operation),
        "summary": operation.summary,
        "parameters": _path_parameters_of(operation),
        "responses": {str(operation.status.value): success, **refusals},
    }
    described["parameters"] += [
        {
            "name": name,
            "in": "query",
            "schema": {"type": "string"} | ({"pattern": each.pattern} if each.pattern else {}),
            "description": each.description,
        }
        for name, each in operation.query.items()
    ]
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _json(schemas[operation.body])}
    if operation.is_open:
        described["security"] = []
    return described


def _path_parameters_of(operation: Operation) -> list[Described]:
    if "{id}" not in operation.path:
        return []
    return [OVERRIDE_ID if operation.path.startswith("/overrides") else ID]


def _refusals_of(operation: Operation, *, asks_token: bool) -> list[HTTPStatus]:
    refusals = {HTTPStatus.INTERNAL_SERVER_ERROR, *operation.refusals}
    if not operation.is_open:
        refusals.add(HTTPStatus.FORBIDDEN)
    if asks_token and not operation.is_open:
        refusals.add(HTTPStatus.UNAUTHORIZED)
    if "{id}" in operation.path:
        refusals.add(HTTPStatus.NOT_FOUND)
    if operation.query:
        refusals.add(HTTPStatus.UNPROCESSABLE_ENTITY)
    if operation.body is not None:
        refusals |= {
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            HTTPStatus.UNPROCESSABLE_ENTITY,
        }
    return sorted(refusals)


def _id_of(operation: Operation) -> str:
    words = operation.path.replace("{", "").replace("}", "").replace(".", "_").split("/")
    return "_".join([operation.method.lower(), *(word for word in words if word)])


def _json(schema: Described) -> Described:
    return {"application/json": {"schema": schema}}
