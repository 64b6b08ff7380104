"""Everything the API can be asked: a list to read."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

from trixter.api.calls import Calls
from trixter.api.filters import PARAMETERS
from trixter.api.guard import OPEN_PATH
from trixter.api.routing import Operation
from trixter.api.schemas import (
    FAULT_BODIES,
    DefaultsBody,
    DefaultsReply,
    FaultReply,
    ProxyBody,
    ProxyReply,
    ShutdownBody,
    Status,
)


def operations_of(calls: Calls) -> list[Operation]:
    """Return the operations on one proxy. Of two paths that match, the first is meant."""
    return [
        Operation(
            method="GET",
            path=OPEN_PATH,
            summary="Say that the proxy lives",
            handle=calls.health,
            reply=str,
            is_open=True,
        ),
        Operation(
            method="GET",
            path="/connections",
            summary="List the live connections, oldest first",
            handle=calls.list_connections,
            query=PARAMETERS,
            reply=list[Status],
        ),
        Operation(
            method="GET",
            path="/connections/_all",
            summary="List the live connections, oldest first",
            handle=calls.list_connections,
            query=PARAMETERS,
            reply=list[Status],
        ),
        Operation(
            method="GET",
            path="/connections/{id}",
            summary="Show one connection",
            handle=calls.show_connection,
            reply=Status,
        ),
        Operation(
            method="POST",
            path="/connections/{id}/shutdown",
            summary="Close both sides now",
            handle=calls.shut_down,
            body=ShutdownBody,
            status=HTTPStatus.ACCEPTED,
        ),
        *(
            Operation(
                method="PATCH",
                path=f"/connections/{{id}}/{stem}",
                summary=f"Change the {stem} of a live connection, also for what it holds",
                handle=partial(calls.set_fault, body),
                body=body,
                status=HTTPStatus.ACCEPTED,
            )
            for stem, body in FAULT_BODIES.items()
        ),
        Operation(
            method="GET",
            path="/defaults",
            summary="Show what new connections start with",
            handle=calls.show_defaults,
            reply=DefaultsReply,
        ),
        Operation(
            method="PATCH",
            path="/defaults",
            summary="Change what new connections start with; what is left out stays",
            handle=calls.set_defaults,
            body=DefaultsBody,
            status=HTTPStatus.ACCEPTED,
        ),
        Operation(
            method="GET",
            path="/catalogue",
            summary="List the faults there are, with their settings",
            handle=calls.show_catalogue,
            reply=list[FaultReply],
        ),
        Operation(
            method="GET",
            path="/proxy",
            summary="Show the proxy itself, and what it has counted",
            handle=calls.show_proxy,
            reply=ProxyReply,
        ),
        Operation(
            method="PATCH",
            path="/proxy",
            summary="Refuse new connections, be down altogether, or be back on the same port",
            handle=calls.set_proxy,
            body=ProxyBody,
            status=HTTPStatus.ACCEPTED,
            refusals=(HTTPStatus.CONFLICT,),
        ),
    ]
