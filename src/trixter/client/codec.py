"""The codec: which HTTP requests a command is, and what its result is of their answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from msgspec import UNSET

from trixter.api import schemas
from trixter.api.override_schemas import IdReply, OverrideBody, OverrideReply, changes_of, settings_of
from trixter.client.answers import Answer, connection_info, defaults_of, proxy_info
from trixter.client.stems import require_tellable, whole_ms
from trixter.control import ALL, ConnectionInfo, Override, OverrideInfo
from trixter.control.commands import (
    Apply,
    Command,
    EndConnections,
    GetConnection,
    GetDefaults,
    GetProxy,
    ListConnections,
    ListOverrides,
    Renew,
    Revert,
)
from trixter.control.overrides import LIVE, NEW
from trixter.errors import ConnectionNotFound, OverrideNotFound, SettingError
from trixter.faults import CATALOGUE, Direction

Fields = dict[str, Any]

# The fields of an override that say what it changes.
CHANGES = ("both", "upstream", "downstream", "availability", "connection_duration_ms")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """Ask the API one thing.

    Args:
        method: The HTTP method.
        path: Which, from the API's root.
        body: What is sent, as JSON; ``None`` sends nothing.
    """

    method: str
    path: str
    body: Fields | None = None


def _no_result(answer: Answer) -> None:
    """Leave the answer alone: it says no more than that it is done."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Hold what is sent for a command, and how its result is read.

    Args:
        requests: In their order. All but permanent changes are one; of several, the first that is refused
            ends it.
        target: The id that they are about.
        read: Reads the last answer, which was a success.
    """

    requests: tuple[HttpRequest, ...]
    target: str = ALL
    read: Callable[[Answer], Any] = _no_result


def encode(command: Command[Any]) -> Exchange:
    """Return what is sent for a command; what the API cannot be told is refused before anything is sent.

    Raises:
        SettingError: If the API has no words for it, or counts in larger units.
        ConnectionNotFound: If an id can be none.
        OverrideNotFound: If an id can be none.
    """
    match command:
        case GetProxy():
            return Exchange(
                (HttpRequest("GET", "/proxy"),),
                read=lambda answer: proxy_info(answer.read(schemas.ProxyReply)),
            )
        case GetDefaults():
            return Exchange(
                (HttpRequest("GET", "/defaults"),),
                read=lambda answer: defaults_of(answer.read(schemas.DefaultsReply)),
            )
        case ListConnections(state):
            path = "/connections" if state == "open" else f"/connections?state={state}"
            return Exchange((HttpRequest("GET", path),), read=_connections)
        case GetConnection(id):
            if id == ALL:
                raise ConnectionNotFound(id)
            return Exchange(
                (HttpRequest("GET", _path(id)),),
                id,
                lambda answer: connection_info(answer.read(schemas.Status, id)),
            )
        case EndConnections(target=target, reason=reason, reset=reset):
            body = {"reason": reason} | ({"reset": True} if reset else {})
            return Exchange((HttpRequest("POST", _path(target, "shutdown"), body),), target)
        case ListOverrides():
            return Exchange((HttpRequest("GET", "/overrides"),), read=_overrides)
        case Apply(override=override, permanent=True):
            require_tellable(override)
            return Exchange(tuple(_permanent(override)), override.target)
        case Apply(override=override, id=id):
            return _apply(override, id)
        case Revert(id):
            return Exchange((HttpRequest("DELETE", _override_path(id)),), id)
        case Renew(id, ttl_s):
            renewed: Fields = {"ttl_ms": whole_ms("ttl_s", ttl_s)}
            return Exchange((HttpRequest("PATCH", _override_path(id), renewed),), id)
    raise TypeError(f"the API has no request for {command!r}")


def _apply(override: Override, id: str) -> Exchange:
    require_tellable(override)
    body: Fields = changes_of(override)
    if override.target != ALL:
        body["target"] = override.target
    if override.name:
        body["name"] = override.name
    if override.ttl_s is not None:
        body["ttl_ms"] = whole_ms("ttl_s", override.ttl_s)
    if id:
        body["id"] = id
    request = HttpRequest("POST", "/overrides", body)
    return Exchange((request,), override.target, lambda answer: answer.read(IdReply).id)


def _permanent(override: Override) -> list[HttpRequest]:
    """Return the original's calls, one for each fault, and those of the defaults and the proxy."""
    fields = changes_of(override)
    target = ALL if override.target == LIVE else override.target
    requests: list[HttpRequest] = []
    defaults: list[Fields] = []
    for where in ("both", *(direction.value for direction in Direction)):
        for bodies in _rounds(fields[where], where) if where in fields else []:
            if override.target == NEW:
                defaults.append(bodies)
            else:
                requests += [HttpRequest("PATCH", _path(target, stem), body) for stem, body in bodies.items()]
    if "connection_duration_ms" in fields:
        duration = {"connection_duration_ms": fields["connection_duration_ms"]}
        defaults = [*defaults[:-1], {**(defaults[-1] if defaults else {}), **duration}]
    requests += [HttpRequest("PATCH", "/defaults", body) for body in defaults]
    if "availability" in fields:
        requests.append(HttpRequest("PATCH", "/proxy", {"availability": fields["availability"]}))
    return requests


def _rounds(fields: Fields, where: str) -> list[dict[str, Fields]]:
    """Return the body of each fault by its stem, in rounds, one after another.

    In the first, each kind is set to what has no name or, if all others go, switched off: that takes those
    with names away, too. The others set those with names.
    """
    direction = {} if where == "both" else {"direction": where}
    rounds: list[dict[str, Fields]] = []
    for entry in CATALOGUE:
        given = fields.get(entry.stem, [])
        settings = sorted(given if isinstance(given, list) else [given], key=_name_of)
        if len({*map(_name_of, settings)}) < len(settings):
            accepts = "told apart by name, those of one kind, in a permanent change over the API"
            raise SettingError("faults", given, accepts)
        if fields.get("clear") and not (settings and not _name_of(settings[0])):
            settings.insert(0, settings_of(entry.kind()))
        rounds += ({} for _ in range(len(settings) - len(rounds)))
        for each, body in zip(rounds, settings, strict=False):
            each[entry.stem] = {**body, **direction}
    return rounds


def _name_of(settings: Fields) -> str:
    return str(settings.get("name", ""))


def _connections(answer: Answer) -> list[ConnectionInfo]:
    return [connection_info(shown) for shown in answer.read(list[schemas.Status])]


def _overrides(answer: Answer) -> list[OverrideInfo]:
    found = []
    for shown in answer.read(list[OverrideReply]):
        fields = {name: value for name in CHANGES if (value := getattr(shown, name)) is not UNSET}
        override = OverrideBody(target=shown.target, name=shown.name, **fields).override()
        left_ms = shown.expires_in_ms
        found.append(OverrideInfo(shown.id, override, None if left_ms is None else left_ms / 1000))
    return found


def _path(id: str, what: str = "") -> str:
    if not _is_segment(id):
        raise ConnectionNotFound(id)
    return f"/connections/{quote(id, safe='')}" + (f"/{what}" if what else "")


def _override_path(id: str) -> str:
    if not _is_segment(id):
        raise OverrideNotFound(id)
    return f"/overrides/{quote(id, safe='')}"


def _is_segment(id: str) -> bool:
    # A path with another id would ask for something else.
    return id not in ("", ".", "..") and "/" not in id
