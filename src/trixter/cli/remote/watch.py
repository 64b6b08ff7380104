"""The ``trixter watch`` subcommand."""

from __future__ import annotations

import sys
from typing import Any

import click

from trixter.cli.flags import API_FLAGS, Flag
from trixter.cli.group import SETTINGS, SectionedCommand
from trixter.cli.types import Seconds

INTERVAL = Flag("--interval-s", "How", Seconds(), "From one look to the next.", default=1.0, envvar=None)


@click.command(
    cls=SectionedCommand,
    name="watch",
    short_help="Watch the live connections of a running proxy.",
    params=[*API_FLAGS, INTERVAL],
    context_settings=SETTINGS,
)
@click.option("--json", "is_json", is_flag=True, help="Print a line of JSON for each change.")
def watch(api: str, api_token: str | None, api_ca: Any, interval_s: float, is_json: bool) -> int:
    """Watch the live connections of a running proxy, until Ctrl-C.

    At a terminal it is a table that renews itself; elsewhere, a line for each connection that opened, changed
    its faults or ended. What comes and goes between two looks is not seen.
    """
    from trixter.cli.remote.remote import Remote
    from trixter.cli.remote.watching import keep_a_table, print_json, print_lines

    show = print_json if is_json else keep_a_table if sys.stdout.isatty() else print_lines
    with Remote(api, token=api_token, verify=api_ca or True) as remote:
        show(remote, interval_s)
    return 0
