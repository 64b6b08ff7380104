"""The ``trixter kill`` subcommand."""

from __future__ import annotations

from typing import Any

import click

from trixter.cli.flag import Flag
from trixter.cli.group import SETTINGS, SectionedCommand
from trixter.cli.parameters import Text
from trixter.cli.printable import printable
from trixter.cli.remote.flags import API_FLAGS, Switch

HOW = "How"

REASON = "killed by hand"

OWN_FLAGS = [
    Flag("--reason", HOW, Text(), "What the log says about it.", default=REASON, envvar=None),
    Switch("--reset", HOW, "Send a reset (RST) to both sides, rather than an ordinary end."),
]


@click.command(
    cls=SectionedCommand,
    name="kill",
    short_help="End live connections.",
    params=[*API_FLAGS, *OWN_FLAGS],
    context_settings=SETTINGS,
)
@click.argument("target", metavar="ID|_all")
def kill(target: str, api: str, api_token: str | None, api_ca: Any, reason: str, reset: bool) -> int:
    """End a live connection, by its id, or all of them, by _all.

    What the proxy holds for it is lost.
    """
    from trixter.cli.remote.remote import Remote
    from trixter.control.commands import EndConnections, ListConnections
    from trixter.control.overrides import ALL

    with Remote(api, token=api_token, verify=api_ca or True) as remote:
        count = len(remote.send(ListConnections())) if target == ALL else 1
        remote.send(EndConnections(target=target, reason=reason, reset=reset))
    from trixter.cli.remote.listing import counted

    subject = counted(count) if target == ALL else printable(target)
    print(f"{subject} {'reset' if reset else 'closed'}" if count else subject)
    return 0
