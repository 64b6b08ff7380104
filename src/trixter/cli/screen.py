"""The screen of ``trixter watch``: samples and keys become rows and commands. Nothing here does I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from trixter.cli import formatting
from trixter.cli.formatting import counted, printable
from trixter.cli.tables import outlook
from trixter.control import ALL, ConnectionInfo, Override, ProxyInfo, ReplaceFaults
from trixter.control.commands import Apply, Command, EndConnections
from trixter.control.overrides import LIVE
from trixter.faults import Direction
from trixter.profiles import Profile
from trixter.settings import Defaults

BARS = "▁▂▃▄▅▆▇█"

# The rates that a sparkline shows; the widest one of a connection is as wide.
KEPT = 12

# The lines of the screen that are not rows of connections.
OTHER_LINES = 9

# From this width on, a row has the upstream and the totals as well; below that one, no client and no age.
WIDE_COLUMNS = 120
NARROW_COLUMNS = 70

REASON = "via trixter watch"

HELP = "↑↓ select  a all  k kill  r reset  c clear  1-9 profile  s sort  p pause  q quit"


class Sort(Enum):
    """The order of the rows."""

    OLDEST = "oldest first"
    RATE = "highest rate first"
    BYTES = "most bytes first"


class Leave(Exception):
    """The key to leave was pressed."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The state of a proxy at one moment.

    Args:
        at_s: The time, in seconds of a monotonic clock.
        proxy: The proxy as a whole.
        defaults: The defaults of new connections.
        connections: Its live connections, oldest first.
    """

    at_s: float
    proxy: ProxyInfo
    defaults: Defaults
    connections: Sequence[ConnectionInfo]

    def bytes_of(self) -> dict[str, tuple[int, int]]:
        """Return the bytes forwarded in both directions: of each connection by its id, and of all."""
        stats = self.proxy.stats
        counts = {each.id: _bytes_of(each) for each in self.connections}
        return {**counts, ALL: (stats.bytes_upstream, stats.bytes_downstream)}


class Rates:
    """The rates of connections and of the proxy, from one sample to the next.

    Bounded: it forgets a connection that a sample does not have.
    """

    def __init__(self) -> None:
        self._last: tuple[float, dict[str, tuple[int, int]]] | None = None
        self._rates: dict[str, deque[tuple[float, float]]] = {}

    def add(self, sample: Sample) -> None:
        """Take in the next sample."""
        counts = sample.bytes_of()
        at_s, former = self._last or (sample.at_s, counts)
        self._last = sample.at_s, counts
        self._rates = {id: self._rates.get(id, deque(maxlen=KEPT)) for id in counts}
        if sample.at_s <= at_s:
            return
        for id, now in counts.items():
            before = former.get(id, (0, 0))
            up, down = ((n - b) / (sample.at_s - at_s) for n, b in zip(now, before, strict=True))
            self._rates[id].append((max(up, 0.0), max(down, 0.0)))

    def of(self, id: str) -> tuple[float, float]:
        """Return the last rate of both directions, in bytes per second; 0 before there are two samples."""
        rates = self._rates.get(id)
        return rates[-1] if rates else (0.0, 0.0)

    def sparkline(self, id: str) -> str:
        """Return the last rates, both directions together, as bars."""
        return sparkline([up + down for up, down in self._rates.get(id, ())])


def sparkline(values: Sequence[float]) -> str:
    """Return values as bars, of which the highest is the largest value's; nothing is a blank."""
    largest = max(values, default=0.0)
    if not largest:
        return " " * len(values)
    return "".join(BARS[round(value / largest * (len(BARS) - 1))] if value else " " for value in values)


@dataclass(frozen=True, slots=True)
class State:
    """The state of the screen.

    Args:
        selected: The id of the selected connection, ``ALL``, or an empty text.
        sort: The order of the rows.
        is_paused: Whether the screen is kept as it is.
        message: The result of the last key.
    """

    selected: str = ""
    sort: Sort = Sort.OLDEST
    is_paused: bool = False
    message: str = ""


def press(
    key: str, state: State, ids: Sequence[str], profiles: Mapping[str, Profile]
) -> tuple[State, Command[Any] | None]:
    """Return the state after a key, and the command that it asks for.

    Args:
        key: As ``keys_of`` returns it. Other keys do nothing.
        state: The state before.
        ids: The ids of the rows, from top to bottom.
        profiles: The profiles of the keys 1 to 9, by their names.

    Raises:
        Leave: If it is the key to leave.
    """
    state = replace(state, message="")
    match key:
        case "q":
            raise Leave
        case "p" | " ":
            return replace(state, is_paused=not state.is_paused), None
        case "s":
            orders = list(Sort)
            sort = orders[(orders.index(state.sort) + 1) % len(orders)]
            return replace(state, sort=sort, message=sort.value), None
        case "a":
            return replace(state, selected=ALL), None
        case "up" | "down":
            return replace(state, selected=_neighbour(state.selected, ids, 1 if key == "down" else -1)), None
    name = dict(zip("123456789", profiles, strict=False)).get(key, "")
    if key not in ("k", "r", "c") and not name:
        return state, None
    if state.selected != ALL and state.selected not in ids:
        return replace(state, message="select a connection first: ↑ ↓, or a for all"), None
    what = {"k": "closed", "r": "reset", "c": "no faults"}.get(key, name)
    subject = "all connections" if state.selected == ALL else state.selected
    state = replace(state, message=f"{subject}: {what}")
    if key in ("k", "r"):
        return state, EndConnections(target=state.selected, reason=REASON, reset=key == "r")
    both = {each: profiles[name].faults(each) if name else () for each in Direction}
    override = Override(
        target=LIVE if state.selected == ALL else state.selected,
        upstream=ReplaceFaults.everything(*both[Direction.UPSTREAM]),
        downstream=ReplaceFaults.everything(*both[Direction.DOWNSTREAM]),
    )
    return state, Apply(override=override, permanent=True)


def keys_of(data: bytes) -> list[str]:
    """Return the keys that a terminal has sent: characters, ``up`` and ``down``."""
    text = data.decode(errors="ignore")
    for name, codes in {"up": ("\x1b[A", "\x1bOA"), "down": ("\x1b[B", "\x1bOB")}.items():
        for code in codes:
            text = text.replace(code, f"\0{name}\0")
    parts = text.split("\0")
    # Between two NULs stands the name of a key; other escape sequences are no keys.
    keys: list[str] = []
    for index, part in enumerate(parts):
        if index % 2:
            keys.append(part)
        elif "\x1b" not in part:
            keys += part.lower()
    return keys


def rows_of(sample: Sample, rates: Rates, sort: Sort) -> list[ConnectionInfo]:
    """Return the connections in the order of the rows."""
    match sort:
        case Sort.RATE:
            return sorted(sample.connections, key=lambda each: -sum(rates.of(each.id)))
        case Sort.BYTES:
            return sorted(sample.connections, key=lambda each: -sum(_bytes_of(each)))
    return list(sample.connections)


def picture_of(
    sample: Sample, rates: Rates, state: State, profiles: Mapping[str, Profile], columns: int, lines: int
) -> Group:
    """Return the screen, cut to the size of the terminal; rows near the selected one are shown."""
    rows = rows_of(sample, rates, state.sort)
    most = max(1, lines - OTHER_LINES)
    ids = [each.id for each in rows]
    at = ids.index(state.selected) if state.selected in ids else 0
    first = max(0, min(at - most // 2, len(rows) - most))
    shown = rows[first : first + most]
    below = counted(len(rows)) if len(shown) == len(rows) else f"{len(shown)} of {counted(len(rows))}"
    notes = [below, state.sort.value, *(["paused"] if state.is_paused else []), state.message]
    names = "  ".join(f"{number} {name}" for number, name in enumerate(profiles, 1))
    chosen = [f"{each.id}: {formatting.faults(each.faults)}" for each in shown if each.id == state.selected]
    footer = [" · ".join(filter(None, notes)), *chosen, HELP, names]
    return Group(
        *(_line(text, columns) for text in _header(sample, rates, columns)),
        _table(shown, rates, state, columns) if shown else Text(),
        *(_line(text, columns, style="dim" if index else "bold") for index, text in enumerate(footer)),
    )


def _header(sample: Sample, rates: Rates, columns: int) -> list[str]:
    proxy, stats = sample.proxy, sample.proxy.stats
    availability = "" if proxy.availability.value == "up" else f"  ({proxy.availability.value})"
    dialling = f", {stats.connections_dialling:,} dialling" if stats.connections_dialling else ""
    up, down = rates.of(ALL)
    totals = (
        f"{counted(stats.connections_accepted)} accepted{dialling} · "
        f"{formatting.traffic(stats.bytes_upstream, stats.bytes_downstream)} · "
        f"↑ {formatting.size(round(up))}/s ↓ {formatting.size(round(down))}/s "
    )
    bars = rates.sparkline(ALL)
    return [
        f"{', '.join(map(printable, proxy.listen))} → {printable(proxy.upstream)}{availability}",
        f"faults for new connections: {outlook(sample.defaults)}",
        totals + bars[max(0, len(totals) + len(bars) - columns) :],  # the oldest do not fit
    ]


def _table(rows: Sequence[ConnectionInfo], rates: Rates, state: State, columns: int) -> Table:
    is_wide, is_narrow = columns >= WIDE_COLUMNS, columns < NARROW_COLUMNS
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", width=columns)
    table.add_column("id", no_wrap=True)
    for name in () if is_narrow else ("client", "upstream") if is_wide else ("client",):
        table.add_column(name, no_wrap=True)
    # Of a fixed width: columns do not move as numbers grow.
    if not is_narrow:
        table.add_column("age", justify="right", no_wrap=True, min_width=6)
    for name in ("↑ sent", "↓ sent") if is_wide else ():
        table.add_column(name, justify="right", no_wrap=True, min_width=9)
    for name in ("↑ rate", "↓ rate"):
        table.add_column(name, justify="right", no_wrap=True, min_width=11)
    if not is_narrow:
        table.add_column("", no_wrap=True, min_width=KEPT if is_wide else KEPT // 2)
    table.add_column("faults", no_wrap=True, overflow="ellipsis", ratio=1)
    for each in rows:
        up, down = rates.of(each.id)
        bars = rates.sparkline(each.id)
        cells = [
            printable(each.id),
            *([] if is_narrow else [printable(each.client)]),
            *([printable(each.upstream)] if is_wide else []),
            *([] if is_narrow else [formatting.age(each.age_s)]),
            *(map(formatting.size, _bytes_of(each)) if is_wide else []),
            f"{formatting.size(round(up))}/s",
            f"{formatting.size(round(down))}/s",
            *([] if is_narrow else [bars if is_wide else bars[-(KEPT // 2) :]]),
            formatting.faults(each.faults),
        ]
        is_selected = state.selected in (ALL, each.id)
        table.add_row(*map(Text, cells), style="reverse" if is_selected else "")
    return table


def _line(text: str, columns: int, style: str = "") -> Text:
    line = Text(text, style=style, no_wrap=True)
    line.truncate(columns, overflow="ellipsis")
    return line


def _neighbour(selected: str, ids: Sequence[str], step: int) -> str:
    if not ids:
        return ""
    if selected not in ids:
        return ids[0] if step > 0 else ids[-1]
    return ids[max(0, min(ids.index(selected) + step, len(ids) - 1))]


def _bytes_of(connection: ConnectionInfo) -> tuple[int, int]:
    up, down = (connection.forwarded_bytes[direction] for direction in Direction)
    return up, down
