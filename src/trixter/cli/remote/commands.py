"""``trixter ls``, ``set``, ``kill`` and ``defaults``.

The client and the tables are imported when a command runs: help and completion do without them.
"""

from __future__ import annotations

from typing import Any

import click

from trixter.cli.flags import API_FLAGS, FAULT_FLAGS, MILLISECONDS, Flag, Switch, own_flag
from trixter.cli.formatting import printable
from trixter.cli.main import SETTINGS, SectionedCommand
from trixter.cli.options import MS_PER_S
from trixter.cli.types import Text


@click.command(
    cls=SectionedCommand,
    name="ls",
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
        from trixter.cli.connection_table import listing_of
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


SET_HELP = """Change the faults of live connections, at once: of one, by its id, or of all, by _all.

Each fault takes the place of all others of its kind; what is not named stays. What new connections start
with is another matter: `trixter defaults`.

\b
Examples:
  trixter set _all --delay-ms 250 --jitter-ms 50
  trixter set a6e39e-11 --throttle-rate-bytes 65536 --direction downstream
  trixter set _all --profile 3g
  trixter set _all --clear
"""


@click.command(
    cls=SectionedCommand,
    name="set",
    help=SET_HELP,
    params=[*API_FLAGS, *FAULT_FLAGS],
    context_settings=SETTINGS,
)
@click.argument("target", metavar="ID|_all")
@click.pass_context
def set_(
    ctx: click.Context, /, target: str, api: str, api_token: str | None, api_ca: Any, **values: Any
) -> int:
    """Change the faults, and print the result."""
    from trixter.cli.connection_table import outcome
    from trixter.cli.remote.remote import Remote
    from trixter.cli.remote.steps import Change
    from trixter.control.commands import Apply, ListConnections
    from trixter.control.overrides import ALL, LIVE

    change = Change.of(ctx, values)
    if change.is_nothing:
        raise click.UsageError("what to change must be given, such as --delay-ms 250", ctx)
    with Remote(api, token=api_token, verify=api_ca or True) as remote:
        override = change.override(LIVE if target == ALL else target)
        remote.send(Apply(override=override, permanent=True))
        connections = remote.send(ListConnections())
    print(outcome(target, connections))
    return 0


KILL_REASON = "killed by hand"

KILL_FLAGS = [
    Flag("--reason", "How", Text(), "What the log says about it.", default=KILL_REASON, envvar=None),
    Switch("--reset", "How", "Send a reset (RST) to both sides, rather than an ordinary end."),
]


@click.command(
    cls=SectionedCommand,
    name="kill",
    params=[*API_FLAGS, *KILL_FLAGS],
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
    from trixter.cli.connection_table import counted

    subject = counted(count) if target == ALL else printable(target)
    print(f"{subject} {'reset' if reset else 'closed'}" if count else subject)
    return 0


DEFAULTS_HELP = """Show what new connections start with or, with flags, change it.

Each fault takes the place of all others of its kind; what is not named stays. Live connections keep what they
have: `trixter set` changes those.

\b
Examples:
  trixter defaults
  trixter defaults --profile 3g --connection-duration-ms 60000
  trixter defaults --clear
"""

DURATION = own_flag("--connection-duration-ms", MILLISECONDS, "The connection is reset at this age.")


@click.command(
    cls=SectionedCommand,
    name="defaults",
    help=DEFAULTS_HELP,
    params=[*API_FLAGS, *FAULT_FLAGS, DURATION],
    context_settings=SETTINGS,
)
@click.option("--json", "is_json", is_flag=True, help="Print what the API answers, for scripts.")
@click.pass_context
def defaults(
    ctx: click.Context, /, api: str, api_token: str | None, api_ca: Any, is_json: bool, **values: Any
) -> int:
    """Change the defaults if flags say so, and print them."""
    from trixter.cli.connection_table import outlook
    from trixter.cli.remote.remote import Remote
    from trixter.cli.remote.steps import Change
    from trixter.control.commands import Apply, GetDefaults
    from trixter.control.overrides import NEW

    duration_ms = values.pop("connection_duration_ms")
    change = Change.of(ctx, values)
    with Remote(api, token=api_token, verify=api_ca or True) as remote:
        if not change.is_nothing or duration_ms is not None:
            duration_s = None if duration_ms is None else duration_ms / MS_PER_S
            remote.send(Apply(override=change.override(NEW, duration_s), permanent=True))
        if is_json:
            print(remote.read("/defaults"))
        else:
            print(f"new connections: {outlook(remote.send(GetDefaults()))}")
    return 0
