"""Watching a proxy: a table that renews itself, or a line for each change. All of it until a signal comes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from trixter.cli import wording
from trixter.cli.printable import printable
from trixter.cli.remote.changes import Happening, Kind, Look, happenings
from trixter.cli.remote.listing import listing_of, outlook
from trixter.cli.remote.remote import Remote
from trixter.cli.tables import console
from trixter.control import ConnectionInfo, ProxyInfo
from trixter.control.commands import GetDefaults, GetProxy, ListConnections
from trixter.faults import Direction
from trixter.proxy.defaults import Defaults

# Of a terminal, what stands around the rows: a heading, what is said above and below, and the cursor.
OTHER_LINES = 8

Seen = Happening[ConnectionInfo, Defaults]


def print_json(remote: Remote, interval_s: float) -> None:
    """Print one object for each change, with what the API says."""

    def look() -> Look[Any, Any]:
        connections = {each["conn_info"]["id"]: each for each in json.loads(remote.read("/connections"))}
        faults = {id: each["faults"] for id, each in connections.items()}
        return Look(connections, faults, json.loads(remote.read("/defaults")))

    for each in _happenings(look, interval_s):
        subject = "defaults" if each.kind is Kind.DEFAULTS else "connection"
        line = {"time": _now(), "change": each.kind.value, subject: each.what}
        print(json.dumps(line, separators=(",", ":")), flush=True)


def print_lines(remote: Remote, interval_s: float) -> None:
    """Print one line for each change, for people."""

    def look() -> Look[ConnectionInfo, Defaults]:
        infos = remote.send(ListConnections())
        faults = {each.id: each.faults for each in infos}
        return Look({each.id: each for each in infos}, faults, remote.send(GetDefaults()))

    for each in _happenings(look, interval_s):
        print(f"{_now()} {line_of(each)}", flush=True)


def keep_a_table(remote: Remote, interval_s: float) -> None:
    """Show a table, and renew it."""
    screen = console()
    with Live(console=screen, auto_refresh=False, transient=False) as live:
        for _ in _ticks(interval_s):
            proxy, defaults = remote.send(GetProxy()), remote.send(GetDefaults())
            connections = remote.send(ListConnections())
            live.update(picture_of(proxy, defaults, connections, screen), refresh=True)


def line_of(happening: Seen) -> str:
    """Say what happened, in one line."""
    kind, what = happening.kind, happening.what
    if isinstance(what, Defaults):
        return f"{kind.value} {outlook(what)}"
    subject = f"{kind.value:<8} {printable(what.id)}"
    if kind is Kind.CHANGED:
        return f"{subject}: {wording.faults(what.faults)}"
    route = f"{subject}: {printable(what.client)} → {printable(what.upstream)}"
    if kind is Kind.OPENED:
        return f"{route}, {wording.faults(what.faults)}"
    up, down = (wording.size(what.passed_bytes[direction]) for direction in Direction)
    return f"{route}, {up} up, {down} down, {wording.age(what.age_s)}"


def picture_of(
    proxy: ProxyInfo, defaults: Defaults, connections: list[ConnectionInfo], screen: Console
) -> Group:
    """Return all that the table shows, so that it fits the screen."""
    listen = ", ".join(map(printable, proxy.listen))
    door = "" if proxy.door.value == "open" else f"  ({proxy.door.value})"
    stats = proxy.stats
    dialling = f", {stats.connections_dialling:,} dialling" if stats.connections_dialling else ""
    above = Text(
        f"{listen} → {printable(proxy.upstream)}{door}\n"
        f"new connections: {outlook(defaults)}\n"
        f"so far: {stats.connections_accepted:,} accepted{dialling}, "
        f"{wording.size(stats.bytes_upstream)} up, {wording.size(stats.bytes_downstream)} down\n"
    )
    rows = max(1, screen.height - OTHER_LINES)
    table, below = listing_of(connections[-rows:], screen.width)
    if len(connections) > rows:
        below = f"the youngest {rows} of {len(connections):,} connections"
    return Group(above, table, Text(f"\n{below}")) if connections else Group(above, Text(below))


def _happenings(look: Callable[[], Look[Any, Any]], interval_s: float) -> Iterator[Happening[Any, Any]]:
    before = None
    for _ in _ticks(interval_s):
        now = look()
        yield from happenings(before, now)
        before = now


def _ticks(interval_s: float) -> Iterator[None]:
    never = threading.Event()
    while True:
        yield
        never.wait(interval_s)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
