"""The codec: a command as HTTP requests, and its result from their responses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from msgspec import UNSET

from trixter.api import schemas
from trixter.api.override_schemas import IdReply, OverrideBody, OverrideReply, changes_of, settings_of
from trixter.client.responses import HttpResponse, connection_info, defaults_of, proxy_info
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
from trixter.faults import CATALOGUE, Direction, Fault
from trixter.faults.catalogue import ENTRIES
from trixter.faults.entry import MILLISECONDS, Entry, Type

Fields = dict[str, Any]

# The fields of an override that say what it changes.
CHANGES = ("both", "upstream", "downstream", "availability", "connection_duration_ms", "quiet")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request to the API.

    Args:
        method: The HTTP method.
        path: The path, from the API's root.
        body: The body, to be sent as JSON; ``None`` sends none.
    """

    method: str
    path: str
    body: Fields | None = None


def _no_result(response: HttpResponse) -> None:
    """Ignore a response that says no more than that the request succeeded."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The requests of a command, and the reader of its result.

    Args:
        requests: In their order. Only a permanent change may take several; the first that is refused ends
            the exchange.
        target: The id that they are about.
        read: Reads the last response, which was a success.
    """

    requests: tuple[HttpRequest, ...]
    target: str = ALL
    read: Callable[[HttpResponse], Any] = _no_result


def encode(command: Command[Any]) -> Exchange:
    """Return the requests of a command; what the API cannot express is refused before anything is sent.

    Raises:
        SettingError: If the API cannot express it, or counts in larger units.
        ConnectionNotFound: If no connection can have that id.
        OverrideNotFound: If no override can have that id.
    """
    match command:
        case GetProxy():
            return Exchange(
                (HttpRequest("GET", "/proxy"),),
                read=lambda response: proxy_info(response.read(schemas.ProxyReply)),
            )
        case GetDefaults():
            return Exchange(
                (HttpRequest("GET", "/defaults"),),
                read=lambda response: defaults_of(response.read(schemas.DefaultsReply)),
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
                lambda response: connection_info(response.read(schemas.Status, id)),
            )
        case EndConnections(target=target, reason=reason, reset=reset):
            body = {"reason": reason} | ({"reset": True} if reset else {})
            return Exchange((HttpRequest("POST", _path(target, "shutdown"), body),), target)
        case ListOverrides():
            return Exchange((HttpRequest("GET", "/overrides"),), read=_overrides)
        case Apply(override=override, permanent=True):
            require_encodable(override)
            return Exchange(tuple(_permanent(override)), override.target)
        case Apply(override=override, id=id):
            return _apply(override, id)
        case Revert(id):
            return Exchange((HttpRequest("DELETE", _override_path(id)),), id)
        case Renew(id, ttl_s):
            renewed: Fields = {"ttl_ms": whole_ms("ttl_s", ttl_s)}
            return Exchange((HttpRequest("PATCH", _override_path(id), renewed),), id)
    raise TypeError(f"the API has no request for {command!r}")


def whole_ms(name: str, seconds: float) -> int:
    """Return a time in whole milliseconds.

    Raises:
        SettingError: If it is not a whole number of milliseconds.
    """
    milliseconds = MILLISECONDS.of(seconds)
    if not isinstance(milliseconds, int):
        raise SettingError(name, seconds, f"a whole number of {MILLISECONDS.name}, over the API")
    return milliseconds


def require_encodable(override: Override) -> None:
    """Check that the API can express an override.

    Raises:
        SettingError: If the API does not know its faults, or counts in larger units.
    """
    for replaced in filter(None, (override.upstream, override.downstream)):
        for kind in (*(kind for kind, _ in replaced.keys or ()), *map(type, replaced.faults)):
            if kind not in ENTRIES:
                known = ", ".join(entry.kind.__name__ for entry in CATALOGUE)
                raise SettingError("faults", kind.__name__, f"of {known}, over the API")
        for fault in replaced.faults:
            _require_whole(ENTRIES[type(fault)], fault)
    if override.connection_duration_s is not None:
        whole_ms("connection_duration_s", override.connection_duration_s)
    if override.ttl_s is not None:
        whole_ms("ttl_s", override.ttl_s)


def _require_whole(entry: Entry, fault: Fault) -> None:
    """Refuse fractions where Python takes them, and the API only whole numbers."""
    for each in entry.settings:
        value = getattr(fault, each.field)
        if each.takes is Type.WHOLE and each.unit and each.unit.of(value) % 1:
            raise SettingError(each.field, value, f"a whole number of {each.unit.name}, over the API")


def _apply(override: Override, id: str) -> Exchange:
    require_encodable(override)
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
    return Exchange((request,), override.target, lambda response: response.read(IdReply).id)


def _permanent(override: Override) -> list[HttpRequest]:
    """Return the requests of the original API, one for each fault, and for the defaults and the proxy."""
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

    The first sets each kind to its fault without a name or, if all others are cleared, switches it off: that
    removes the faults with names, too. The other rounds set those.
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


def _connections(response: HttpResponse) -> list[ConnectionInfo]:
    return [connection_info(shown) for shown in response.read(list[schemas.Status])]


def _overrides(response: HttpResponse) -> list[OverrideInfo]:
    found = []
    for shown in response.read(list[OverrideReply]):
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
    # Any other id would make the path of another resource.
    return id not in ("", ".", "..") and "/" not in id
