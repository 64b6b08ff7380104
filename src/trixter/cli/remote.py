"""``trixter ls``, ``status``, ``set``, ``defaults``, ``kill``, ``down``, ``refuse`` and ``up``: over the API.

The client and the tables are imported when a command runs: help and completion do without them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from trixter.cli.command import SETTINGS, SectionedCommand
from trixter.cli.flags import API_FLAGS, FAULT_FLAGS, JSON, MILLISECONDS, REMOTE_FAULTS, own_flag
from trixter.cli.formatting import counted, printable, tally, traffic
from trixter.cli.options import MS_PER_S, RequestedFaults
from trixter.cli.types import ConnectionTarget, OnOff, Text
from trixter.settings import Availability

if TYPE_CHECKING:
    from trixter.cli.raw_client import RawClient

CONNECTIONS = "Connections"

DIALLING = own_flag(
    "--dialling", CONNECTIONS, OnOff(), "List those whose server has not answered yet", default=False
)
EACH = own_flag(
    "--each",
    CONNECTIONS,
    OnOff(),
    "One row for each connection, also for those that are alike",
    default=False,
)
RATES = own_flag(
    "--rates", CONNECTIONS, OnOff(), "Rates, measured for a second, in place of total bytes", default=False
)
ALL_FLAG = own_flag("--all", CONNECTIONS, OnOff(), "Every live connection, in place of an ID", default=False)


def over_api(command: Callable[..., int]) -> Callable[..., int]:
    """Call a command with a client of the proxy that its ``API_FLAGS`` name, in place of those."""

    @wraps(command)
    def called(*args: Any, api: str, api_token: str | None, api_ca: Any, **values: Any) -> int:
        from trixter.cli.raw_client import RawClient

        with RawClient(api, token=api_token, verify=api_ca or True) as proxy:
            return command(*args, proxy=proxy, **values)

    return called


def on_connections(command: Callable[..., int]) -> Callable[..., int]:
    """Call a command with the target that its argument and ``ALL_FLAG`` name together.

    Raises:
        click.UsageError: If they name none, or two.
    """

    @click.argument("target", type=ConnectionTarget(), required=False, metavar="ID|--all")
    @click.pass_context
    @wraps(command)
    def called(ctx: click.Context, /, target: str | None, all: bool, **values: Any) -> int:
        from trixter.control.overrides import ALL

        if all and target not in (None, ALL):
            raise click.UsageError("--all does not go with the id of a connection", ctx)
        if target is None and not all:
            what = "the id of a connection or --all must be given; `trixter ls` has the ids"
            raise click.UsageError(what, ctx)
        return command(ctx, target=ALL if target is None else target, **values)

    return called


@click.command(
    cls=SectionedCommand,
    name="ls",
    params=[DIALLING, EACH, RATES, JSON, *API_FLAGS],
    context_settings=SETTINGS,
)
@click.pass_context
@over_api
def ls(ctx: click.Context, /, proxy: RawClient, dialling: bool, json: bool, each: bool, rates: bool) -> int:
    """List live connections, the oldest first.

    up and down are the bytes that have arrived at the server and at the client, held the bytes that the
    proxy keeps. Dialling connections, whose server has not answered yet, are counted below. Three and more
    connections that are alike, of one client host and with the same upstream and faults, share a row: its age
    is that of the oldest.
    """
    if json and (each or rates):
        raise click.UsageError(f"{'--each' if each else '--rates'} does not go with --json", ctx)
    if json:
        print(proxy.read("/connections?state=dialling" if dialling else "/connections"))
        return 0
    from trixter.cli.tables import console, listing_of, measure_rates, show
    from trixter.control.commands import GetProxy, ListConnections

    listed = ListConnections("dialling" if dialling else "open")
    connections, measured = proxy.send(listed), None
    if rates:
        connections, measured = measure_rates(lambda: proxy.send(listed), connections)
    waiting = 0 if dialling else proxy.send(GetProxy()).stats.connections_dialling
    table, summary = listing_of(connections, console().width, is_each=each, rates=measured)
    if waiting:
        summary += f"; {waiting:,} dialling (`--dialling` lists them)"
    if connections:
        show(table)
        print()
    print(summary)
    return 0


@click.command(cls=SectionedCommand, name="status", params=[JSON, *API_FLAGS], context_settings=SETTINGS)
@over_api
def status(proxy: RawClient, json: bool) -> int:
    """Show a proxy: its addresses, its availability, the faults of new connections, and its counters."""
    if json:
        print(proxy.read("/proxy"))
        return 0
    from trixter.cli.tables import outlook
    from trixter.control.commands import GetDefaults, GetProxy

    info, defaults = proxy.send(GetProxy()), proxy.send(GetDefaults())
    stats = info.stats
    listen = ", ".join(map(printable, info.listen))
    print(f"proxy: {listen} → {printable(info.upstream)}")
    print(f"availability: {info.availability.value}")
    print(f"faults for new connections: {outlook(defaults)}")
    print(
        f"connections: {stats.connections_open:,} open, {stats.connections_dialling:,} dialling,"
        f" {stats.connections_accepted:,} accepted"
    )
    print(f"ended: {printable(tally(stats.ended)) or 'none'}")
    print(f"bytes: {traffic(stats.bytes_upstream, stats.bytes_downstream)}")
    return 0


SET_HELP = """Change the faults of live connections, at once: of one, by its id, or of all of them.

A fault replaces all others of its kind; other faults stay. `trixter defaults` changes the faults of new
connections.

\b
Examples:
  trixter set --all --delay-ms 250 --jitter-ms 50
  trixter set a6e39e-11 --throttle-rate-bytes 65536 --direction downstream
  trixter set --all --profile 3g
  trixter set --all --clear
"""


@click.command(
    cls=SectionedCommand,
    name="set",
    help=SET_HELP,
    params=[ALL_FLAG, *FAULT_FLAGS, *API_FLAGS],
    context_settings=SETTINGS,
)
@on_connections
@over_api
def set_(ctx: click.Context, /, proxy: RawClient, target: str, **values: Any) -> int:
    """Change the faults, and print the result."""
    from trixter.cli.tables import outcome
    from trixter.control.commands import Apply, ListConnections
    from trixter.control.overrides import ALL, LIVE

    requested = RequestedFaults.of(ctx, values)
    if requested.is_nothing:
        raise click.UsageError("what to change must be given, such as --delay-ms 250", ctx)
    override = requested.override(LIVE if target == ALL else target)
    proxy.send(Apply(override=override, permanent=True))
    connections = proxy.send(ListConnections())
    print(outcome(target, connections))
    return 0


DEFAULTS_HELP = """Show the faults of new connections or, with flags, change them.

A fault replaces all others of its kind; other faults stay. Live connections keep their faults:
`trixter set` changes those.

\b
Examples:
  trixter defaults
  trixter defaults --profile 3g --connection-duration-ms 60000
  trixter defaults --clear
"""

DURATION = own_flag(
    "--connection-duration-ms", REMOTE_FAULTS, MILLISECONDS, "Maximum lifetime in ms, then a reset (RST)"
)


@click.command(
    cls=SectionedCommand,
    name="defaults",
    help=DEFAULTS_HELP,
    params=[*FAULT_FLAGS, DURATION, JSON, *API_FLAGS],
    context_settings=SETTINGS,
)
@click.pass_context
@over_api
def defaults(ctx: click.Context, /, proxy: RawClient, json: bool, **values: Any) -> int:
    """Change the defaults if flags say so, and print them."""
    from trixter.cli.tables import outlook
    from trixter.control.commands import Apply, GetDefaults
    from trixter.control.overrides import NEW

    duration_ms = values.pop("connection_duration_ms")
    requested = RequestedFaults.of(ctx, values)
    if not requested.is_nothing or duration_ms is not None:
        duration_s = None if duration_ms is None else duration_ms / MS_PER_S
        proxy.send(Apply(override=requested.override(NEW, duration_s), permanent=True))
    if json:
        print(proxy.read("/defaults"))
    else:
        print(f"faults for new connections: {outlook(proxy.send(GetDefaults()))}")
    return 0


KILL_REASON = "killed by hand"

KILL_FLAGS = [
    own_flag(
        "--reset", CONNECTIONS, OnOff(), "Reset both sides (RST), rather than close them (FIN)", default=False
    ),
    own_flag("--reason", CONNECTIONS, Text(), "Reason in the log of the proxy", default=KILL_REASON),
]


@click.command(
    cls=SectionedCommand,
    name="kill",
    params=[ALL_FLAG, *KILL_FLAGS, *API_FLAGS],
    context_settings=SETTINGS,
)
@on_connections
@over_api
def kill(ctx: click.Context, /, proxy: RawClient, target: str, reason: str, reset: bool) -> int:
    """End live connections: one, by its id, or all of them.

    The bytes that the proxy holds for them are lost.
    """
    from trixter.control.commands import EndConnections, ListConnections
    from trixter.control.overrides import ALL

    count = len(proxy.send(ListConnections())) if target == ALL else 1
    proxy.send(EndConnections(target=target, reason=reason, reset=reset))
    subject = counted(count) if target == ALL else printable(target)
    print(f"{subject} {'reset' if reset else 'closed'}" if count else subject)
    return 0


def _availability_command(name: str, availability: Availability, help: str, outcome: str) -> click.Command:
    """Return the command that changes the availability.

    Args:
        name: Its name.
        availability: The availability that it sets.
        help: Of the command.
        outcome: The line that it prints; ``{proxy}`` are the listening addresses, ``{live}`` the connections
            that were live.
    """

    @click.command(
        cls=SectionedCommand, name=name, help=help, params=list(API_FLAGS), context_settings=SETTINGS
    )
    @over_api
    def command(proxy: RawClient) -> int:
        from trixter.control import Override
        from trixter.control.commands import Apply, GetProxy

        info = proxy.send(GetProxy())
        proxy.send(Apply(override=Override(availability=availability), permanent=True))
        live = counted(info.stats.connections_open + info.stats.connections_dialling)
        print(outcome.format(proxy=", ".join(map(printable, info.listen)), live=live))
        return 0

    return command


down = _availability_command(
    "down",
    Availability.DOWN,
    """Refuse new connections and reset live ones, as a server that has crashed.

    The port stays that of the proxy; `trixter up` ends it.
    """,
    "{proxy} is down: {live} reset",
)
refuse = _availability_command(
    "refuse",
    Availability.REFUSING,
    """Refuse new connections; live ones go on.

    The port stays that of the proxy; `trixter up` ends it.
    """,
    "{proxy} refuses new connections: {live} live",
)
up = _availability_command(
    "up",
    Availability.UP,
    "Accept new connections again, after `trixter down` or `trixter refuse`.",
    "{proxy} is up: {live} live",
)
