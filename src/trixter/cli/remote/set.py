"""The ``trixter set`` subcommand."""

from __future__ import annotations

from typing import Any

import click

from trixter.cli.group import SETTINGS, SectionedCommand
from trixter.cli.remote.flags import API_FLAGS, FAULT_FLAGS

HELP = """Change the faults of live connections, at once: of one, by its id, or of all, by _all.

Each fault takes the place of all others of its kind; what is not named stays. What new connections start
with is another matter: `trixter defaults`.

\b
Examples:
  trixter set _all --delay-ms 250 --jitter-ms 50
  trixter set a6e39e-11 --throttle-rate-bytes 65536 --direction downstream
  trixter set _all --profile 3g
  trixter set _all --calm
"""


@click.command(
    cls=SectionedCommand,
    name="set",
    help=HELP,
    short_help="Change the faults of live connections.",
    params=[*API_FLAGS, *FAULT_FLAGS],
    context_settings=SETTINGS,
)
@click.argument("target", metavar="ID|_all")
@click.pass_context
def set_(
    ctx: click.Context, /, target: str, api: str, api_token: str | None, api_ca: Any, **values: Any
) -> int:
    """Change them, and say what they are then."""
    from trixter.cli.remote.listing import outcome
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
