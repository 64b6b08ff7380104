"""The ``trixter ls`` subcommand."""

from __future__ import annotations

from typing import Any

import click

from trixter.cli.group import SETTINGS, SectionedCommand
from trixter.cli.remote.flags import API_FLAGS


@click.command(
    cls=SectionedCommand,
    name="ls",
    short_help="List the live connections of a running proxy.",
    params=list(API_FLAGS),
    context_settings=SETTINGS,
)
@click.option("--json", "is_json", is_flag=True, help="Print what the API answers, for scripts.")
@click.option("--dialling", is_flag=True, help="List those whose upstream has not answered yet.")
def ls(api: str, api_token: str | None, api_ca: Any, is_json: bool, dialling: bool) -> int:
    """List the live connections of a running proxy, oldest first; say how many wait for their upstream.

    up and down are the bytes that have arrived at the server and at the client, held are those that the proxy
    keeps.
    """
    from trixter.cli.remote.remote import Remote

    with Remote(api, token=api_token, verify=api_ca or True) as remote:
        if is_json:
            print(remote.read("/connections?state=dialling" if dialling else "/connections"))
            return 0
        from trixter.cli.remote.listing import listing_of
        from trixter.cli.tables import console, show
        from trixter.control.commands import GetProxy, ListConnections

        connections = remote.send(ListConnections("dialling" if dialling else "open"))
        waiting = 0 if dialling else remote.send(GetProxy()).stats.connections_dialling
    table, summary = listing_of(connections, console().width)
    if waiting:
        summary += f"; {waiting:,} dialling (`--dialling` lists them)"
    if connections:
        show(table)
        print()
    print(summary)
    return 0
