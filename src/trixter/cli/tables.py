"""Tables for a terminal, and in the same form for a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

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
