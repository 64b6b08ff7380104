"""The ``trixter defaults`` subcommand."""

from __future__ import annotations

from typing import Any

import click

from trixter.cli.flags import MILLISECONDS
from trixter.cli.group import SETTINGS, SectionedCommand
from trixter.cli.remote.flags import API_FLAGS, FAULT_FLAGS, fault_flag
from trixter.cli.wanted import MS_PER_S

HELP = """Show what new connections start with or, with flags, change it.

Each fault takes the place of all others of its kind; what is not named stays. Live connections keep what they
have: `trixter set` changes those.

\b
Examples:
  trixter defaults
  trixter defaults --profile 3g --connection-duration-ms 60000
  trixter defaults --calm
"""

DURATION = fault_flag("--connection-duration-ms", MILLISECONDS, "The connection is reset at this age.")


@click.command(
    cls=SectionedCommand,
    name="defaults",
    help=HELP,
    short_help="Show or change what new connections start with.",
    params=[*API_FLAGS, *FAULT_FLAGS, DURATION],
    context_settings=SETTINGS,
)
@click.option("--json", "is_json", is_flag=True, help="Print what the API answers, for scripts.")
@click.pass_context
def defaults(
    ctx: click.Context, /, api: str, api_token: str | None, api_ca: Any, is_json: bool, **values: Any
) -> int:
    """Change them if asked to, and say what they are then."""
    from trixter.cli.remote.listing import outlook
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
