"""The table of connections, and one-line summaries."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from trixter.cli import formatting
from trixter.cli.formatting import counted, printable
from trixter.cli.tables import Column, room_beside, table_of
from trixter.control import ALL, ConnectionInfo
from trixter.faults import Direction
from trixter.settings import Defaults

# In a narrower terminal, the common upstream of all connections stands below the table, and a differing one
# below its client; the held bytes are shown with the faults if there are any.
WIDE_COLUMNS = 100

NUMBERS = (Column("age", is_number=True), Column("up", is_number=True), Column("down", is_number=True))
WIDE = [Column("id"), Column("client"), Column("upstream"), *NUMBERS, Column("held", is_number=True)]
NARROW = [Column("id"), Column("client"), *NUMBERS]
FAULTS = Column("faults", may_fold=True)

BETWEEN_FAULTS = ", "
CONTINUED = "  "


def listing_of(connections: Sequence[ConnectionInfo], width_columns: int) -> tuple[Table, str]:
    """Return the table, and the line below it.

    Args:
        connections: In order.
        width_columns: The width of the terminal.
    """
    below = counted(len(connections))
    upstreams = {connection.upstream for connection in connections}
    is_wide = width_columns >= WIDE_COLUMNS
    if is_wide:
        columns, rows = WIDE, [_wide_row(connection) for connection in connections]
    else:
        columns, rows = NARROW, [_narrow_row(connection, len(upstreams)) for connection in connections]
        if len(upstreams) == 1:
            below += f" to {printable(upstreams.pop())}"
    room = room_beside(rows, columns, width_columns)
    for connection, row in zip(connections, rows, strict=True):
        row.append(_what(connection, room, with_held=not is_wide))
    return table_of([*columns, FAULTS], rows), below


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
        return f"{printable(target)}: over since"
    what = {formatting.faults(each.faults) for each in changed}
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


def _wide_row(connection: ConnectionInfo) -> list[str]:
    id, client, *numbers = _narrow_row(connection, 1)
    return [id, client, printable(connection.upstream), *numbers, formatting.size(_held_bytes(connection))]


def _narrow_row(connection: ConnectionInfo, upstreams: int) -> list[str]:
    client = printable(connection.client)
    if upstreams > 1:
        client += f"\n→ {printable(connection.upstream)}"
    up, down = (formatting.size(connection.forwarded_bytes[direction]) for direction in Direction)
    return [printable(connection.id), client, formatting.age(connection.age_s), up, down]


def _what(connection: ConnectionInfo, room_columns: int, *, with_held: bool) -> str:
    """Return the faults as text: in one line if the width allows it, else one line for each direction."""
    parts = formatting.fault_parts(connection.faults)
    if with_held and _held_bytes(connection):
        parts.append(f"holds {formatting.size(_held_bytes(connection))}")
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


def _held_bytes(connection: ConnectionInfo) -> int:
    return sum(connection.held_bytes.values())
