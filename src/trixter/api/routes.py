"""The operations of the API: a list of all of them, and their handlers."""

from __future__ import annotations

import asyncio
from functools import partial
from http import HTTPStatus
from typing import Any

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from trixter.api.http import BodyT, JsonResponse, accepted, read_body
from trixter.api.listing import PARAMETERS, TimeSlice, filter_of, listing, refuse_filters
from trixter.api.override_schemas import IdReply, OverrideBody, OverrideReply, TtlBody, shown
from trixter.api.routing import Operation
from trixter.api.schemas import (
    FAULT_BODIES,
    DefaultsBody,
    DefaultsReply,
    FaultBody,
    FaultReply,
    ProxyBody,
    ProxyReply,
    ShutdownBody,
    Status,
)
from trixter.api.status import catalogue_reply, defaults_reply, proxy_reply, status_of
from trixter.control.commands import (
    Apply,
    Command,
    EndConnections,
    GetDefaults,
    GetProxy,
    ListOverrides,
    Renew,
    Revert,
)
from trixter.control.controller import Controller
from trixter.control.overrides import ALL, LIVE, NEW, Override, ReplaceFaults
from trixter.errors import ConnectionNotFound
from trixter.faults import Direction
from trixter.settings import Availability

# A load balancer's health check has no token and uses a name of its own for us, and learns nothing here but
# "ok".
OPEN_PATH = "/health"


class Handlers:
    """The handlers of one proxy's operations. Each checks everything before it changes anything.

    Args:
        controller: Executes what changes the proxy.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._proxy = controller.proxy
        # Long jobs, one at a time: several at once would each have a time slice between two of the traffic.
        self._long_job = asyncio.Lock()

    async def health(self, request: Request) -> Response:
        """Answer a health check."""
        return PlainTextResponse("ok")

    async def list_connections(self, request: Request) -> Response:
        """Show every connection that the query chooses."""
        chosen = filter_of(request.query_params)
        async with self._long_job:
            registry = self._proxy.registry
            connections = list(registry) if chosen.state == "open" else registry.dialling
            return await listing(connections, chosen.passes)

    async def show_connection(self, request: Request) -> Response:
        """Show one connection."""
        connection = self._proxy.registry.find(id := request.path_params["id"])
        if connection is None:
            raise ConnectionNotFound(id)
        return JsonResponse(status_of(connection))

    async def shut_down(self, request: Request) -> Response:
        """Close the named connections."""
        body = await self._body(request, ShutdownBody)
        target = request.path_params["id"]
        await self._execute(EndConnections(target=target, reason=body.reason, reset=body.reset))
        return accepted()

    async def set_fault(self, kind: type[FaultBody], request: Request) -> Response:
        """Put one fault in place of all others of its kind, on the named connections."""
        body = await self._body(request, kind)
        id = request.path_params["id"]
        if id != ALL and self._proxy.registry.get(id) is None:
            raise ConnectionNotFound(id)  # before the settings are checked, as in the original
        target = LIVE if id == ALL else id
        await self._execute(Apply(override=_override_of(body, target=target), permanent=True))
        return accepted()

    async def show_defaults(self, request: Request) -> Response:
        """Show what new connections start with."""
        return JsonResponse(defaults_reply(await self._execute(GetDefaults())))

    async def set_defaults(self, request: Request) -> Response:
        """Change what new connections start with, all of it or nothing."""
        body = await self._body(request, DefaultsBody)
        duration_ms = body.connection_duration_ms
        duration_s = None if duration_ms is UNSET else duration_ms / 1000
        override = _override_of(*body.faults, target=NEW, connection_duration_s=duration_s)
        await self._execute(Apply(override=override, permanent=True))
        return accepted()

    async def show_catalogue(self, request: Request) -> Response:
        """Show every fault there is."""
        return JsonResponse(catalogue_reply())

    async def show_proxy(self, request: Request) -> Response:
        """Show the proxy: its addresses, its availability, and its counters."""
        return JsonResponse(proxy_reply(await self._execute(GetProxy())))

    async def set_proxy(self, request: Request) -> Response:
        """Change the availability."""
        body = await self._body(request, ProxyBody)
        override = Override(target=NEW, availability=Availability(body.availability))
        await self._execute(Apply(override=override, permanent=True))
        return accepted()

    async def list_overrides(self, request: Request) -> Response:
        """Show the overrides that can be reverted."""
        return JsonResponse([shown(info) for info in await self._execute(ListOverrides())])

    async def add_override(self, request: Request) -> Response:
        """Apply an override."""
        body = await self._body(request, OverrideBody)
        id = "" if body.id is UNSET else body.id
        made = await self._execute(Apply(override=body.override(), id=id))
        return JsonResponse(IdReply(made), status_code=HTTPStatus.CREATED)

    async def renew_override(self, request: Request) -> Response:
        """Let an override live for a time from now on."""
        body = await self._body(request, TtlBody)
        await self._execute(Renew(request.path_params["id"], body.ttl_ms / 1000))
        return accepted()

    async def revert_override(self, request: Request) -> Response:
        """Revert an override."""
        refuse_filters(request.query_params, is_for_all=False)
        await self._execute(Revert(request.path_params["id"]))
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def _body(self, request: Request, kind: type[BodyT]) -> BodyT:
        """Return the body of a call that changes something; refuse a query that would narrow the call."""
        refuse_filters(request.query_params, is_for_all=request.path_params.get("id") == ALL)
        return await read_body(request, kind)

    async def _execute(self, command: Command[Any]) -> Any:
        """Execute a command. It is decided at once; many connections are changed in time slices."""
        work = self._controller.begin(command)
        if len(work.connections) <= 1:
            for connection in work.connections:
                work.do(connection)
            return work.result
        async with self._long_job:
            time_slice = TimeSlice()
            for connection in work.connections:
                work.do(connection)
                await time_slice.checkpoint()
        return work.result


def operations_of(handlers: Handlers) -> list[Operation]:
    """Return the operations on one proxy. Of two paths that match, the first in the list wins."""
    return [
        Operation("GET", OPEN_PATH, "Say that the proxy lives", handlers.health, reply=str, is_open=True),
        *(
            Operation(
                "GET",
                path,
                "List the live connections, oldest first",
                handlers.list_connections,
                query=PARAMETERS,
                reply=list[Status],
            )
            for path in ("/connections", "/connections/_all")
        ),
        Operation("GET", "/connections/{id}", "Show one connection", handlers.show_connection, reply=Status),
        Operation(
            "POST",
            "/connections/{id}/shutdown",
            "Close both sides now",
            handlers.shut_down,
            body=ShutdownBody,
            status=HTTPStatus.ACCEPTED,
        ),
        *(
            Operation(
                "PATCH",
                f"/connections/{{id}}/{stem}",
                f"Change the {stem} of a live connection, also for what it holds",
                partial(handlers.set_fault, body),
                body=body,
                status=HTTPStatus.ACCEPTED,
            )
            for stem, body in FAULT_BODIES.items()
        ),
        Operation(
            "GET",
            "/defaults",
            "Show what new connections start with",
            handlers.show_defaults,
            reply=DefaultsReply,
        ),
        Operation(
            "PATCH",
            "/defaults",
            "Change what new connections start with; what is left out stays",
            handlers.set_defaults,
            body=DefaultsBody,
            status=HTTPStatus.ACCEPTED,
        ),
        Operation(
            "GET",
            "/catalogue",
            "List the faults there are, with their settings",
            handlers.show_catalogue,
            reply=list[FaultReply],
        ),
        Operation(
            "GET",
            "/proxy",
            "Show the proxy itself, and what it has counted",
            handlers.show_proxy,
            reply=ProxyReply,
        ),
        Operation(
            "PATCH",
            "/proxy",
            "Refuse new connections, be down altogether, or be back on the same port",
            handlers.set_proxy,
            body=ProxyBody,
            status=HTTPStatus.ACCEPTED,
            refusals=(HTTPStatus.CONFLICT,),
        ),
        Operation(
            "GET",
            "/overrides",
            "List the overrides that are active, the oldest first",
            handlers.list_overrides,
            reply=list[OverrideReply],
        ),
        Operation(
            "POST",
            "/overrides",
            "Change something for as long as it is not reverted, or for a time",
            handlers.add_override,
            body=OverrideBody,
            status=HTTPStatus.CREATED,
            reply=IdReply,
            refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
        ),
        Operation(
            "PATCH",
            "/overrides/{id}",
            "Let an override hold for that time from now on",
            handlers.renew_override,
            body=TtlBody,
            status=HTTPStatus.ACCEPTED,
        ),
        Operation(
            "DELETE",
            "/overrides/{id}",
            "Revert an override; what was changed before or after it stays",
            handlers.revert_override,
            status=HTTPStatus.NO_CONTENT,
            refusals=(HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY),
        ),
    ]


def _override_of(*bodies: FaultBody, target: str, connection_duration_s: float | None = None) -> Override:
    """Return the override that sets these faults, and that duration."""
    replaced: dict[Direction, ReplaceFaults] = {}
    for body in bodies:
        one = ReplaceFaults.one(body.fault())
        for direction in body.directions:
            replaced[direction] = replaced[direction].then(one) if direction in replaced else one
    return Override(
        target=target,
        upstream=replaced.get(Direction.UPSTREAM),
        downstream=replaced.get(Direction.DOWNSTREAM),
        connection_duration_s=connection_duration_s,
    )
