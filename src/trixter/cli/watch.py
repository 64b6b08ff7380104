"""``trixter watch``: a table that is redrawn, or one line for each change, until a signal."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Generic, TypeVar

import click
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from trixter.cli import formatting
from trixter.cli.command import SETTINGS, SectionedCommand
from trixter.cli.connection_table import listing_of, outlook
from trixter.cli.flags import API_FLAGS, Flag
from trixter.cli.formatting import printable
from trixter.cli.raw_client import RawClient
from trixter.cli.tables import console
from trixter.cli.types import Seconds
from trixter.control import ConnectionInfo, ProxyInfo
from trixter.control.commands import GetDefaults, GetProxy, ListConnections
from trixter.faults import Direction
from trixter.settings import Defaults

# The lines of the screen that are not rows: a heading, the lines above and below the table, the cursor.
OTHER_LINES = 8

INTERVAL = Flag(
    "--interval-s",
    "How",
    Seconds(),
    "Interval of the requests to the API, in seconds",
    default=1.0,
    envvar=None,
)


@click.command(
    cls=SectionedCommand,
    name="watch",
    params=[*API_FLAGS, INTERVAL],
    context_settings=SETTINGS,
)
@click.option("--json", "is_json", is_flag=True, help="Print a line of JSON for each change.")
def watch(api: str, api_token: str | None, api_ca: Any, interval_s: float, is_json: bool) -> int:
    """Watch the live connections of a running proxy, until Ctrl-C.

    At a terminal it is a table that renews itself; elsewhere, a line for each connection that opened, changed
    its faults or ended. A connection that opens and ends between two requests is not seen.
    """
    show = print_json if is_json else keep_a_table if sys.stdout.isatty() else print_lines
    with RawClient(api, token=api_token, verify=api_ca or True) as proxy:
        show(proxy, interval_s)
    return 0


ConnectionT = TypeVar("ConnectionT")
DefaultsT = TypeVar("DefaultsT")


class Kind(Enum):
    """Kinds of events."""

    OPENED = "opened"
    CHANGED = "changed"
    ENDED = "ended"
    DEFAULTS = "defaults"


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[ConnectionT, DefaultsT]):
    """The state of a proxy at one moment, as typed values or as JSON.

    Args:
        connections: By their ids, oldest first.
        faults: Of each of them, by the same ids; only compared.
        defaults: The defaults of new connections.
    """

    connections: Mapping[str, ConnectionT]
    faults: Mapping[str, object]
    defaults: DefaultsT


@dataclass(frozen=True, slots=True)
class Event(Generic[ConnectionT, DefaultsT]):
    """One difference between two snapshots.

    Args:
        kind: Its kind.
        subject: The connection, as it was last seen, or the new defaults.
    """

    kind: Kind
    subject: ConnectionT | DefaultsT


def diff(
    before: Snapshot[ConnectionT, DefaultsT] | None, now: Snapshot[ConnectionT, DefaultsT]
) -> Iterator[Event[ConnectionT, DefaultsT]]:
    """Yield the events between two snapshots: the defaults, then the connections that ended, then the others.

    Args:
        before: The former one; ``None`` makes everything in the other an event.
        now: The later one.
    """
    if before is None or before.defaults != now.defaults:
        yield Event(Kind.DEFAULTS, now.defaults)
    former = before.connections if before else {}
    for id, connection in former.items():
        if id not in now.connections:
            yield Event(Kind.ENDED, connection)
    for id, connection in now.connections.items():
        if before is None or id not in former:
            yield Event(Kind.OPENED, connection)
        elif now.faults[id] != before.faults[id]:
            yield Event(Kind.CHANGED, connection)


def print_json(proxy: RawClient, interval_s: float) -> None:
    """Print one object for each change, with the API's own JSON."""

    def snapshot() -> Snapshot[Any, Any]:
        connections = {each["conn_info"]["id"]: each for each in json.loads(proxy.read("/connections"))}
        faults = {id: each["faults"] for id, each in connections.items()}
        return Snapshot(connections, faults, json.loads(proxy.read("/defaults")))

    for each in _events(snapshot, interval_s):
        subject = "defaults" if each.kind is Kind.DEFAULTS else "connection"
        line = {"time": _now(), "change": each.kind.value, subject: each.subject}
        print(json.dumps(line, separators=(",", ":")), flush=True)


def print_lines(proxy: RawClient, interval_s: float) -> None:
    """Print one line for each change, for people."""

    def snapshot() -> Snapshot[ConnectionInfo, Defaults]:
        infos = proxy.send(ListConnections())
        faults = {each.id: each.faults for each in infos}
        return Snapshot({each.id: each for each in infos}, faults, proxy.send(GetDefaults()))

    for each in _events(snapshot, interval_s):
        print(f"{_now()} {line_of(each)}", flush=True)


def keep_a_table(proxy: RawClient, interval_s: float) -> None:
    """Show a table, and redraw it after each request."""
    screen = console()
    with Live(console=screen, auto_refresh=False, transient=False) as live:
        for _ in _ticks(interval_s):
            info, defaults = proxy.send(GetProxy()), proxy.send(GetDefaults())
            connections = proxy.send(ListConnections())
            live.update(picture_of(info, defaults, connections, screen), refresh=True)


def line_of(event: Event[ConnectionInfo, Defaults]) -> str:
    """Return an event as one line for people."""
    kind, what = event.kind, event.subject
    if isinstance(what, Defaults):
        return f"{kind.value} {outlook(what)}"
    subject = f"{kind.value:<8} {printable(what.id)}"
    if kind is Kind.CHANGED:
        return f"{subject}: {formatting.faults(what.faults)}"
    route = f"{subject}: {printable(what.client)} → {printable(what.upstream)}"
    if kind is Kind.OPENED:
        return f"{route}, {formatting.faults(what.faults)}"
    up, down = (formatting.size(what.forwarded_bytes[direction]) for direction in Direction)
    return f"{route}, {up} up, {down} down, {formatting.age(what.age_s)}"


def picture_of(
    proxy: ProxyInfo, defaults: Defaults, connections: list[ConnectionInfo], screen: Console
) -> Group:
    """Return the table with the lines around it, cut to the height of the screen."""
    listen = ", ".join(map(printable, proxy.listen))
    availability = "" if proxy.availability.value == "up" else f"  ({proxy.availability.value})"
    stats = proxy.stats
    dialling = f", {stats.connections_dialling:,} dialling" if stats.connections_dialling else ""
    above = Text(
        f"{listen} → {printable(proxy.upstream)}{availability}\n"
        f"new connections: {outlook(defaults)}\n"
        f"so far: {stats.connections_accepted:,} accepted{dialling}, "
        f"{formatting.size(stats.bytes_upstream)} up, {formatting.size(stats.bytes_downstream)} down\n"
    )
    rows = max(1, screen.height - OTHER_LINES)
    table, below = listing_of(connections[-rows:], screen.width)
    if len(connections) > rows:
        below = f"the youngest {rows} of {len(connections):,} connections"
    return Group(above, table, Text(f"\n{below}")) if connections else Group(above, Text(below))


def _events(snapshot: Callable[[], Snapshot[Any, Any]], interval_s: float) -> Iterator[Event[Any, Any]]:
    before = None
    for _ in _ticks(interval_s):
        now = snapshot()
        yield from diff(before, now)
        before = now


def _ticks(interval_s: float) -> Iterator[None]:
    never = threading.Event()
    while True:
        yield
        never.wait(interval_s)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
