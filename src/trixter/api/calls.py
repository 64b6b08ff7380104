"""The calls: what each shows of the proxy, or does to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from trixter.api.answers import Json, accepted
from trixter.api.filters import filter_of, refuse_filters
from trixter.api.listing import listing
from trixter.api.reading import BodyT, read_body
from trixter.api.schemas import DefaultsBody, FaultBody, ProxyBody, ShutdownBody
from trixter.api.status import catalogue_reply, defaults_reply, proxy_reply, status_of
from trixter.api.turns import Turns
from trixter.errors import ConnectionNotFound
from trixter.faults import Faults
from trixter.proxy import Connection, Proxy
from trixter.settings import Door

ALL = "_all"
"""Stands for every live connection where an id is expected."""

Find = Callable[[str], Connection | None]


class Calls:
    """Answer for one proxy. Every call checks everything before it changes anything.

    Args:
        proxy: What is shown and changed.
    """

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        # Long jobs, one at a time: several at once would each have a turn between two turns of the traffic.
        self._long_job = asyncio.Lock()

    async def health(self, request: Request) -> Response:
        """Say that we live."""
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
        return Json(status_of(self._connection(request, find=self._proxy.registry.find)))

    async def shut_down(self, request: Request) -> Response:
        """Close the named connections."""
        body = await self._body(request, ShutdownBody)
        end = Connection.reset if body.reset else Connection.shut_down
        connections = self._connections(request, find=self._proxy.registry.find)
        await self._do(connections, lambda connection: end(connection, body.reason))
        return accepted()

    async def set_fault(self, kind: type[FaultBody], request: Request) -> Response:
        """Put one fault in place of all others of its kind, on the named connections."""
        body = await self._body(request, kind)
        connections = self._connections(request)
        fault = body.fault()

        # Connections that shared their faults share the new ones: one object for thousands of them.
        @cache
        def changed(faults: Faults) -> Faults:
            return faults.with_fault(fault)

        def change(connection: Connection) -> None:
            for direction in body.directions:
                pipe = connection.pipe(direction)
                pipe.faults = changed(pipe.faults)

        await self._do(connections, change)
        return accepted()

    async def show_defaults(self, request: Request) -> Response:
        """Show what new connections start with."""
        return Json(defaults_reply(self._proxy.defaults))

    async def set_defaults(self, request: Request) -> Response:
        """Change what new connections start with, all of it or nothing."""
        body = await self._body(request, DefaultsBody)
        defaults = self._proxy.defaults
        for described in body.faults:
            fault = described.fault()
            for direction in described.directions:
                defaults = defaults.with_faults(direction, defaults.faults(direction).with_fault(fault))
        if body.connection_duration_ms is not msgspec.UNSET:
            defaults = replace(defaults, duration_s=body.connection_duration_ms / 1000)
        self._proxy.defaults = defaults
        return accepted()

    async def show_catalogue(self, request: Request) -> Response:
        """Show every fault there is."""
        return Json(catalogue_reply())

    async def show_proxy(self, request: Request) -> Response:
        """Show where it listens, whether it accepts, and what it has counted."""
        return Json(proxy_reply(self._proxy))

    async def set_proxy(self, request: Request) -> Response:
        """Open the door, or shut it."""
        body = await self._body(request, ProxyBody)
        self._proxy.set_door(Door(body.door))
        return accepted()

    async def _body(self, request: Request, kind: type[BodyT]) -> BodyT:
        """Return the body of a call that changes something, and see that nothing in its query narrows it."""
        refuse_filters(request.query_params, is_for_all=request.path_params.get("id") == ALL)
        return await read_body(request, kind)

    def _connection(self, request: Request, find: Find | None = None) -> Connection:
        connection = (find or self._proxy.registry.get)(request.path_params["id"])
        if connection is None:
            raise ConnectionNotFound(request.path_params["id"])
        return connection

    def _connections(self, request: Request, find: Find | None = None) -> list[Connection]:
        if request.path_params["id"] == ALL:
            return list(self._proxy.registry)
        return [self._connection(request, find)]

    async def _do(self, connections: list[Connection], change: Callable[[Connection], None]) -> None:
        """Change one connection at once, many in turns with the traffic; one that has ended takes no harm."""
        if len(connections) == 1:
            change(connections[0])
            return
        async with self._long_job:
            turns = Turns()
            for connection in connections:
                change(connection)
                await turns.take()
