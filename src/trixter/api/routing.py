"""Operations of the API, and the routes by which requests find them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from http import HTTPStatus
from typing import NamedTuple

from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]


class Parameter(NamedTuple):
    """One parameter of a query.

    Args:
        description: Its meaning.
        pattern: A regular expression that its values match; empty if any text will do.
    """

    description: str
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path: its routing and its description follow from this.

    Args:
        method: In capitals.
        path: With ``{id}`` where an id goes.
        summary: One line for readers of the description.
        handle: The handler that performs it.
        body: The type of the request's body; ``None`` if it has none.
        query: Its parameters, by their names.
        status: The status of a call that succeeds.
        reply: The type of its response: JSON, or plain text if it is ``str``; ``None`` if it has no body.
        is_open: Whether it needs no token.
        refusals: Statuses of refusals that do not follow from all this.
    """

    method: str
    path: str
    summary: str
    handle: Handler
    _: KW_ONLY
    body: type[Struct] | None = None
    query: Mapping[str, Parameter] = field(default_factory=dict)
    status: HTTPStatus = HTTPStatus.OK
    reply: object = None
    is_open: bool = False
    refusals: tuple[HTTPStatus, ...] = ()


class Resource:
    """One path: each method has a handler; for other methods, the answer is 405 with those allowed."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        handler = self.handlers.get(request.method)
        if handler is None:
            allowed = {"Allow": ", ".join(sorted(self.handlers))}
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, "method not allowed", allowed)
        response = await handler(request)
        await response(scope, receive, send)


def routes_of(operations: Iterable[Operation]) -> list[Route]:
    """Return one route for each path; of two that match, the first in the list of operations wins."""
    resources: dict[str, Resource] = {}
    for operation in operations:
        handlers = resources.setdefault(operation.path, Resource()).handlers
        handlers[operation.method] = operation.handle
        if operation.method == "GET":
            handlers["HEAD"] = operation.handle  # the server leaves the body out
    return [Route(path, resource) for path, resource in resources.items()]


async def no_such_path(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 404: the path is not one of the API's."""
    raise HTTPException(HTTPStatus.NOT_FOUND, "no such path")
