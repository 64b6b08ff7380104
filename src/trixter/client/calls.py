"""Which calls a step is, as plans that yield calls and are sent their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from trixter.api import schemas
from trixter.client.answers import Answer, connection_state, proxy_state
from trixter.client.stems import bodies_of, whole_ms
from trixter.control import ALL, Step
from trixter.control.plans import Asking
from trixter.control.states import ConnectionState, ProxyState, State
from trixter.control.steps import (
    EndConnections,
    ReadConnection,
    ReadConnections,
    ReadProxy,
    SetDefaults,
    SetDoor,
    SetDuration,
    SetFaults,
)
from trixter.errors import ConnectionNotFound


@dataclass(frozen=True, slots=True)
class Call:
    """Ask the API one thing.

    Args:
        method: The HTTP method.
        path: Which, from the API's root.
        body: What is sent, as JSON; ``None`` sends nothing.
    """

    method: str
    path: str
    body: dict[str, Any] | None = None


Calling = Asking[Call, Any]


def calls_of(step: Step[Any]) -> Calling:
    """Return the plan of one step; what the API cannot be told is refused here, before anything is sent."""
    match step:
        case ReadProxy():
            return _read_proxy()
        case ReadConnections(state):
            return _read_connections(state)
        case ReadConnection(id):
            return _read_connection(id)
        case SetFaults(target, directions, swap):
            rounds = bodies_of(swap, directions)
            calls = (
                Call("PATCH", _path(target, stem), body) for each in rounds for stem, body in each.items()
            )
            return _order(*calls, target=target)
        case SetDefaults(directions, swap):
            return _order(*(Call("PATCH", "/defaults", each) for each in bodies_of(swap, directions)))
        case SetDuration(duration_s):
            body = {"connection_duration_ms": whole_ms("duration_s", duration_s)}
            return _order(Call("PATCH", "/defaults", body))
        case SetDoor(door):
            return _order(Call("PATCH", "/proxy", {"door": door.value}))
        case EndConnections(target=target, reason=reason, reset=reset):
            how = {"reset": True} if reset else {}
            return _order(Call("POST", _path(target, "shutdown"), {"reason": reason, **how}), target=target)
    raise TypeError(f"the API has no call for {step}")


def _read_proxy() -> Asking[Call, ProxyState]:
    shown: Answer = yield Call("GET", "/proxy")
    defaults: Answer = yield Call("GET", "/defaults")
    return proxy_state(shown.read(schemas.ProxyReply), defaults.read(schemas.DefaultsReply))


def _read_connections(state: State) -> Asking[Call, list[ConnectionState]]:
    answer: Answer = yield Call("GET", "/connections" if state == "open" else f"/connections?state={state}")
    return [connection_state(shown) for shown in answer.read(list[schemas.Status])]


def _read_connection(id: str) -> Asking[Call, ConnectionState]:
    if id == ALL:
        raise ConnectionNotFound(id)
    answer: Answer = yield Call("GET", _path(id))
    return connection_state(answer.read(schemas.Status, id))


def _order(*calls: Call, target: str = ALL) -> Asking[Call, None]:
    for call in calls:
        answer: Answer = yield call
        answer.require_success(target)


def _path(id: str, what: str = "") -> str:
    if id in ("", ".", "..") or "/" in id:
        raise ConnectionNotFound(id)  # such a path would ask for something else
    return f"/connections/{quote(id, safe='')}" + (f"/{what}" if what else "")
