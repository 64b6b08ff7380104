"""Commands whose help has headings, and a group of commands that are imported when they are called."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any

import click

# Flags up to this length have their help beside them, longer ones below.
LONGEST_FLAG = 36

HELP_OPTIONS = ["-h", "--help"]
WIDEST_HELP = 100

SETTINGS: dict[str, Any] = {"help_option_names": HELP_OPTIONS, "max_content_width": WIDEST_HELP}
"""Of every command there is."""


class SectionedCommand(click.Command):
    """Show the flags in the help under the headings of their sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_sections(self, ctx, formatter)


class LazyGroup(click.Group):
    """Know the names of the subcommands, and import the one that is called.

    Args:
        places: Where each subcommand is, as ``module:name``.
        **settings: Of the group.
    """

    def __init__(self, *, places: Mapping[str, str], **settings: Any) -> None:
        super().__init__(**settings)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._places:
            return None
        command: click.Command = resolve_name(self._places[cmd_name])
        return command

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "--listen HOST:PORT --upstream HOST:PORT [OPTIONS]")
        formatter.write_usage(ctx.command_path, "COMMAND", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_sections(self, ctx, formatter)
        self.format_commands(ctx, formatter)


def write_sections(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write every flag under its heading; what has none, such as ``--help``, comes under "Help"."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record and isinstance(param, click.Option):  # arguments stand in the first line
            sections.setdefault(getattr(param, "section", "Help"), []).append(record)
    for heading, records in sections.items():
        with formatter.section(heading):
            formatter.write_dl(records, col_max=LONGEST_FLAG)
