"""``trixter ls``, ``set``, ``kill`` and ``defaults``: subcommands that talk to the API of a running proxy.

The client and the tables are imported when a command runs: help and completion do without them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import click

from trixter.cli.flags import API_FLAGS, FAULT_FLAGS, MILLISECONDS, Flag, Switch, own_flag
from trixter.cli.formatting import printable
from trixter.cli.main import SETTINGS, SectionedCommand
from trixter.cli.options import MS_PER_S, FaultFlags, profile_of
from trixter.cli.types import Text
from trixter.faults import CATALOGUE, NO_FAULTS, Direction, Faults

if TYPE_CHECKING:
    from trixter.control import Override, ReplaceFaults


@click.command(
    cls=SectionedCommand,
    name="ls",
    params=list(API_FLAGS),
    context_settings=SETTINGS,
)
@click.option("--json", "is_json", is_flag=True, help="Print the API's response, for scripts.")
@click.option("--dialling", is_flag=True, help="List the connections whose upstream has not answered yet.")
@click.option("--each", is_flag=True, help="List connections that are alike one by one.")
@click.option("--rates", is_flag=True, help="Show rates, measured for a second, in place of totals.")
def ls(
    api: str, api_token: str | None, api_ca: Any, is_json: bool, dialling: bool, each: bool, rates: bool
) -> int:
    """List the live connections of a running proxy, oldest first, and count the dialling ones.

    Dialling connections wait for their upstream. up and down are the bytes that have arrived at the server
    and at the client; held are the bytes that the proxy keeps. Three and more connections that are alike, of
    one client host and with the same upstream and faults, share a row: the age is that of the oldest.
    """
    from trixter.cli.raw_client import RawClient

    with RawClient(api, token=api_token, verify=api_ca or True) as proxy:
        if is_json:
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


SET_HELP = """Change the faults of live connections, at once: of one, by its id, or of all, by _all.

Each fault replaces all others of its kind; other faults stay. `trixter defaults` changes the faults of new
connections.

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
    from trixter.cli.raw_client import RawClient
    from trixter.cli.tables import outcome
    from trixter.control.commands import Apply, ListConnections
    from trixter.control.overrides import ALL, LIVE

    requested = RequestedFaults.of(ctx, values)
    if requested.is_nothing:
        raise click.UsageError("what to change must be given, such as --delay-ms 250", ctx)
    with RawClient(api, token=api_token, verify=api_ca or True) as proxy:
        override = requested.override(LIVE if target == ALL else target)
        proxy.send(Apply(override=override, permanent=True))
        connections = proxy.send(ListConnections())
    print(outcome(target, connections))
    return 0


KILL_REASON = "killed by hand"

KILL_FLAGS = [
    Flag("--reason", "How", Text(), "The reason in the log.", default=KILL_REASON, envvar=None),
    Switch("--reset", "How", "Send a reset (RST) to both sides, rather than an ordinary end (FIN)."),
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

    The bytes that the proxy holds for it are lost.
    """
    from trixter.cli.raw_client import RawClient
    from trixter.control.commands import EndConnections, ListConnections
    from trixter.control.overrides import ALL

    with RawClient(api, token=api_token, verify=api_ca or True) as proxy:
        count = len(proxy.send(ListConnections())) if target == ALL else 1
        proxy.send(EndConnections(target=target, reason=reason, reset=reset))
    from trixter.cli.formatting import counted

    subject = counted(count) if target == ALL else printable(target)
    print(f"{subject} {'reset' if reset else 'closed'}" if count else subject)
    return 0


DEFAULTS_HELP = """Show the faults of new connections or, with flags, change them.

Each fault replaces all others of its kind; other faults stay. Live connections keep their faults:
`trixter set` changes those.

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
@click.option("--json", "is_json", is_flag=True, help="Print the API's response, for scripts.")
@click.pass_context
def defaults(
    ctx: click.Context, /, api: str, api_token: str | None, api_ca: Any, is_json: bool, **values: Any
) -> int:
    """Change the defaults if flags say so, and print them."""
    from trixter.cli.raw_client import RawClient
    from trixter.cli.tables import outlook
    from trixter.control.commands import Apply, GetDefaults
    from trixter.control.overrides import NEW

    duration_ms = values.pop("connection_duration_ms")
    requested = RequestedFaults.of(ctx, values)
    with RawClient(api, token=api_token, verify=api_ca or True) as proxy:
        if not requested.is_nothing or duration_ms is not None:
            duration_s = None if duration_ms is None else duration_ms / MS_PER_S
            proxy.send(Apply(override=requested.override(NEW, duration_s), permanent=True))
        if is_json:
            print(proxy.read("/defaults"))
        else:
            print(f"faults for new connections: {outlook(proxy.send(GetDefaults()))}")
    return 0


@dataclass(frozen=True, kw_only=True)
class RequestedFaults:
    """The faults that the flags of one command ask for.

    Args:
        flags: The values of the catalogue's flags.
        base: The faults to begin with, in place of all faults in force; ``None`` leaves those as they are.
        directions: The directions to change.
    """

    flags: FaultFlags
    base: dict[Direction, Faults] | None
    directions: tuple[Direction, ...]

    @classmethod
    def of(cls, ctx: click.Context, values: dict[str, Any]) -> RequestedFaults:
        """Take these flags out of ``values``, and leave the other ones.

        Raises:
            click.UsageError: If they contradict each other.
        """
        profile = profile_of(ctx, values.pop("profile"), values.pop("profiles"))
        is_clear, direction = values.pop("clear"), values.pop("direction")
        flags = FaultFlags.taken_from(values)
        if is_clear and profile:
            raise click.UsageError("--clear does not go with --profile", ctx)
        if not profile:
            _require_first_flags(ctx, flags)
        base = None
        if is_clear or profile:
            base = {each: profile.faults(each) if profile else NO_FAULTS for each in Direction}
        directions = tuple(Direction) if direction in (None, "both") else (Direction(direction),)
        return cls(flags=flags, base=base, directions=directions)

    @property
    def is_nothing(self) -> bool:
        """Whether no change was asked for."""
        return self.base is None and not self.flags.values

    def override(self, target: str, connection_duration_s: float | None = None) -> Override:
        """Return the override to send to the proxy.

        Args:
            target: As ``Override`` takes it.
            connection_duration_s: The maximum age of connections, if it was asked for as well.
        """
        from trixter.control import Override

        replaced = {each: self._replaced(each) for each in self.directions}
        return Override(
            target=target,
            upstream=replaced.get(Direction.UPSTREAM),
            downstream=replaced.get(Direction.DOWNSTREAM),
            connection_duration_s=connection_duration_s,
        )

    def _replaced(self, direction: Direction) -> ReplaceFaults | None:
        from trixter.control import ReplaceFaults

        if self.base is not None:
            return ReplaceFaults.everything(*self.flags.over(self.base[direction]))
        ones = [ReplaceFaults.one(fault) for fault in self.flags.changes_of(NO_FAULTS)]
        return reduce(ReplaceFaults.then, ones) if ones else None


def _require_first_flags(ctx: click.Context, flags: FaultFlags) -> None:
    """Refuse another setting of a fault without its first one, whose default switches the fault off.

    Raises:
        click.UsageError: With both flags.
    """
    for entry in CATALOGUE:
        specs = [each.flag for each in entry.settings if each.flag]
        for spec in specs[1:]:
            if spec.option in flags.values and specs[0].option not in flags.values:
                raise click.UsageError(f"{spec.name} needs {specs[0].name} beside it", ctx)
