"""``trixter watch``: a live screen, or one line for each change, until a signal."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from itertools import islice
from typing import Any, Generic, TypeVar

import click
from rich.live import Live

from trixter.cli import formatting
from trixter.cli.command import SETTINGS, SectionedCommand
from trixter.cli.flags import API_FLAGS, OUTPUT, own_flag
from trixter.cli.formatting import printable
from trixter.cli.raw_client import RawClient
from trixter.cli.remote import over_api
from trixter.cli.screen import Leave, Rates, Sample, State, picture_of, press, rows_of
from trixter.cli.tables import console, outlook
from trixter.cli.terminal import taken_terminal
from trixter.cli.types import OnOff, Seconds
from trixter.control import ConnectionInfo
from trixter.control.commands import GetDefaults, GetProxy, ListConnections
from trixter.errors import ApiError, ConnectionNotFound
from trixter.faults import Direction
from trixter.monotonic import monotonic
from trixter.profiles import all_profiles
from trixter.settings import Defaults

NO_FAULTS_TEXT = "no faults"

# Profiles that have a key: 1 to 9.
PROFILE_KEYS = 9

INTERVAL = own_flag(
    "--interval-s", OUTPUT, Seconds(), "Interval of the requests to the API, in seconds", default=1.0
)
JSON_LINES = own_flag("--json", OUTPUT, OnOff(), "Print a line of JSON for each change", default=False)


@click.command(
    cls=SectionedCommand,
    name="watch",
    params=[INTERVAL, JSON_LINES, *API_FLAGS],
    context_settings=SETTINGS,
)
@over_api
def watch(proxy: RawClient, interval_s: float, json: bool) -> int:
    """Watch the live connections of a running proxy, until Ctrl-C.

    At a terminal it is a screen with rates and keys; elsewhere, a line for each connection that opened,
    changed its faults or ended. A connection that opens and ends between two requests is not seen.
    """
    show = print_json if json else keep_a_screen if sys.stdout.isatty() else print_lines
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


def keep_a_screen(proxy: RawClient, interval_s: float) -> None:
    """Show a live screen whose keys change connections, until a key or a signal ends it."""
    profiles = dict(islice(all_profiles().items(), PROFILE_KEYS))
    screen = console()
    live = Live(console=screen, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
    rates, state = Rates(), State()
    sample = sample_of(proxy)  # first: if no API answers, there is no screen
    rates.add(sample)
    with taken_terminal(live) as keyboard, suppress(Leave, EOFError):
        while True:
            live.update(picture_of(sample, rates, state, profiles, *screen.size), refresh=True)
            keys = keyboard.read(
                sample.at_s + interval_s - monotonic() if not state.is_paused else interval_s
            )
            for key in keys:
                ids = [each.id for each in rows_of(sample, rates, state.sort)]
                state, command = press(key, state, ids, profiles)
                if command is not None:
                    try:
                        proxy.send(command)
                    except (ApiError, ConnectionNotFound) as exc:
                        state = replace(state, message=str(exc))
            is_due = not state.is_paused and monotonic() >= sample.at_s + interval_s
            if is_due:
                sample = sample_of(proxy)
                rates.add(sample)


def sample_of(proxy: RawClient) -> Sample:
    """Ask a proxy for its state."""
    info, defaults = proxy.send(GetProxy()), proxy.send(GetDefaults())
    connections = proxy.send(ListConnections())
    return Sample(monotonic(), info, defaults, connections)


def line_of(event: Event[ConnectionInfo, Defaults]) -> str:
    """Return an event as one line for people."""
    kind, what = event.kind, event.subject
    if isinstance(what, Defaults):
        return f"{kind.value} {outlook(what)}"
    subject = f"{kind.value:<8} {printable(what.id)}"
    if kind is Kind.CHANGED:
        return f"{subject}: {formatting.faults(what.faults, none=NO_FAULTS_TEXT)}"
    route = f"{subject}: {printable(what.client)} → {printable(what.upstream)}"
    if kind is Kind.OPENED:
        return f"{route}, {formatting.faults(what.faults, none=NO_FAULTS_TEXT)}"
    passed = formatting.traffic(*(what.forwarded_bytes[direction] for direction in Direction))
    return f"{route}, {passed}, {formatting.age(what.age_s)}"


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
