"""Tables for a terminal, and in the same form for a pipe; that of connections; and one-line summaries."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trixter.addresses import split_host_port
from trixter.cli import formatting
from trixter.cli.formatting import counted, printable
from trixter.control import ALL, ConnectionInfo
from trixter.faults import Direction
from trixter.monotonic import monotonic
from trixter.settings import Defaults

# A pipe has no width: nothing is folded there.
PIPE_COLUMNS = 10_000

GAP_COLUMNS = 2


@dataclass(frozen=True, slots=True)
class Column:
    """The format of one column.

    Args:
        heading: The text above it.
        is_number: Whether it is flush right.
        may_fold: Whether its lines are folded where the width is not enough for all columns.
    """

    heading: str
    is_number: bool = False
    may_fold: bool = False


# In a narrower terminal, the common upstream of all connections stands below the table, and a differing one
# below its client; the held bytes are shown with the faults if there are any.
WIDE_COLUMNS = 100

# The time between the two readings of a rate.
RATES_S = 1.0

# So many connections that are alike share a row.
LEAST_ALIKE = 3

BYTES = (Column("up", is_number=True), Column("down", is_number=True))
NUMBERS = (Column("age", is_number=True), *BYTES)
WIDE = [Column("id"), Column("client"), Column("upstream"), *NUMBERS, Column("held", is_number=True)]
NARROW = [Column("id"), Column("client"), *NUMBERS]
FAULTS = Column("faults", may_fold=True)

BETWEEN_FAULTS = ", "
CONTINUED = "  "


def console() -> Console:
    """Return a console for standard output: with colours and a width only if that is a terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_COLUMNS)


def table_of(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table without rules, so that programs can read it, too.

    Args:
        columns: From left to right.
        rows: Cells of printable text.
    """
    table = Table(box=None, pad_edge=False, padding=(0, GAP_COLUMNS, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(
            column.heading,
            justify="right" if column.is_number else "left",
            no_wrap=not column.may_fold,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(Text, row))  # Text, and not str: a name that a peer has chosen is no markup
    return table


def room_beside(rows: Iterable[Sequence[str]], columns: Sequence[Column], width_columns: int) -> int:
    """Return the width that these columns leave for one more."""
    lines = [[column.heading for column in columns], *rows]
    widths = (
        max(cell_len(part) for cell in cells for part in cell.split("\n"))
        for cells in zip(*lines, strict=True)
    )
    return width_columns - sum(width + GAP_COLUMNS for width in widths)


def show(table: Table) -> None:
    """Print a table."""
    screen = console()
    if screen.is_terminal:
        screen.print(table)
        return
    with screen.capture() as captured:
        screen.print(table)
    # In one write: a reader such as `head` may close the pipe before the end.
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def listing_of(
    connections: Sequence[ConnectionInfo],
    width_columns: int,
    *,
    is_each: bool = True,
    rates: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[Table, str]:
    """Return the table, and the line below it.

    Args:
        connections: In order.
        width_columns: The width of the terminal.
        is_each: Whether each connection has a row; otherwise, those that are alike share one.
        rates: The rates of both directions by the connections' ids, to be shown in place of totals.
    """
    below = counted(len(connections))
    upstreams = {connection.upstream for connection in connections}
    is_wide = width_columns >= WIDE_COLUMNS
    groups = [[each] for each in connections] if is_each else groups_of(connections)
    rows = [_row(group, len(upstreams), rates, is_wide=is_wide) for group in groups]
    if len(upstreams) == 1 and not is_wide:
        below += f" to {printable(upstreams.pop())}"
    if len(groups) < len(connections):
        below += "; `--each` lists them one by one"
    columns = [
        replace(each, heading=f"{each.heading}/s" if rates is not None and each in BYTES else each.heading)
        for each in (WIDE if is_wide else NARROW)
    ]
    room = room_beside(rows, columns, width_columns)
    for group, row in zip(groups, rows, strict=True):
        row.append(_what(group, room, with_held=not is_wide))
    return table_of([*columns, FAULTS], rows), below


def groups_of(connections: Sequence[ConnectionInfo]) -> list[list[ConnectionInfo]]:
    """Return connections that are alike together: of one client host, with one upstream and the same faults.

    So that each can be named by its id, fewer than ``LEAST_ALIKE`` are no group.
    """
    alike: dict[object, list[ConnectionInfo]] = {}
    for each in connections:
        key = _host_of(each), each.upstream, *(each.faults[direction] for direction in Direction)
        alike.setdefault(key, []).append(each)
    groups = alike.values()
    return [
        part
        for group in groups
        for part in ([group] if len(group) >= LEAST_ALIKE else [[each] for each in group])
    ]


def measure_rates(
    read: Callable[[], list[ConnectionInfo]], before: Sequence[ConnectionInfo]
) -> tuple[list[ConnectionInfo], dict[str, tuple[float, float]]]:
    """Read the connections again ``RATES_S`` later; return them, and their rates since ``before``."""
    began_at = monotonic()
    threading.Event().wait(RATES_S)
    now = read()
    return now, rates_between(before, now, monotonic() - began_at)


def rates_between(
    before: Sequence[ConnectionInfo], now: Sequence[ConnectionInfo], seconds: float
) -> dict[str, tuple[float, float]]:
    """Return the rates of both directions by the connections' ids, in bytes per second.

    Args:
        before: The connections at first; one that has opened since had forwarded nothing.
        now: The connections so much later.
        seconds: The time between.
    """
    former = {each.id: each.forwarded_bytes for each in before}
    rates = {}
    for each in now:
        counts = former.get(each.id, dict.fromkeys(Direction, 0))
        up, down = ((each.forwarded_bytes[one] - counts[one]) / seconds for one in Direction)
        rates[each.id] = up, down
    return rates


def outcome(target: str, connections: Sequence[ConnectionInfo]) -> str:
    """Return the result of a change as text: the faults of the connections that it changed.

    Args:
        target: A connection's id, or ``ALL``.
        connections: All connections, after the change.
    """
    changed = [each for each in connections if target in (ALL, each.id)]
    if target == ALL and not changed:
        return "no connections; `trixter defaults` changes what new ones start with"
    if not changed:
        return f"{printable(target)} ended in the meantime"
    what = {formatting.faults(each.faults, none="no faults") for each in changed}
    subject = counted(len(changed)) if target == ALL else printable(target)
    return f"{subject}: {what.pop()}" if len(what) == 1 else f"{subject} changed"


def outlook(defaults: Defaults) -> str:
    """Return the defaults of new connections as text."""
    what = formatting.faults({direction: defaults.faults(direction) for direction in Direction})
    end = (
        f"reset after {formatting.duration(defaults.connection_duration_s)}"
        if defaults.connection_duration_s
        else ""
    )
    return "; ".join(filter(None, [what, end]))


def _row(
    group: Sequence[ConnectionInfo],
    upstreams: int,
    rates: Mapping[str, tuple[float, float]] | None,
    *,
    is_wide: bool,
) -> list[str]:
    first = group[0]
    id, client = (first.id, first.client) if len(group) == 1 else (counted(len(group)), _host_of(first))
    cells = [printable(id), printable(client)]
    if is_wide:
        cells.append(printable(first.upstream))
    elif upstreams > 1:
        cells[-1] += f"\n→ {printable(first.upstream)}"
    cells.append(formatting.age(max(each.age_s for each in group)))
    for index, direction in enumerate(Direction):
        if rates is None:
            cells.append(formatting.size(sum(each.forwarded_bytes[direction] for each in group)))
        else:
            rate = sum(rates[each.id][index] for each in group if each.id in rates)
            cells.append(f"{formatting.size(round(rate))}/s")
    if is_wide:
        cells.append(formatting.size(_held_bytes(group)))
    return cells


def _what(group: Sequence[ConnectionInfo], room_columns: int, *, with_held: bool) -> str:
    """Return the faults as text: in one line if the width allows it, else one line for each direction."""
    parts = formatting.fault_parts(group[0].faults)
    if with_held and _held_bytes(group):
        parts.append(f"holds {formatting.size(_held_bytes(group))}")
    in_one_line = "; ".join(parts)
    if len(in_one_line) <= room_columns:
        return in_one_line
    return "\n".join(_between_faults(part, room_columns) for part in parts)


def _between_faults(part: str, room_columns: int) -> str:
    """Break a line between two faults, so that no number is parted from its unit."""
    first, *others = part.split(BETWEEN_FAULTS)
    lines = [first]
    for each in others:
        if len(lines[-1]) + len(BETWEEN_FAULTS) + len(each) < room_columns:  # a comma may have to follow
            lines[-1] += BETWEEN_FAULTS + each
        else:
            lines[-1] += BETWEEN_FAULTS.rstrip()
            lines.append(CONTINUED + each)
    return "\n".join(lines)


def _held_bytes(group: Sequence[ConnectionInfo]) -> int:
    return sum(held for each in group for held in each.held_bytes.values())


def _host_of(connection: ConnectionInfo) -> str:
    return split_host_port(connection.client)[0]
