"""The ``trixter`` command: its flags, its subcommands and its exit status."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.core import ParameterSource

from trixter import __version__
from trixter.cli import signals
from trixter.cli.flags import FLAGS, complaint
from trixter.cli.formatting import printable
from trixter.cli.options import Options, profile_of
from trixter.cli.rust_log import VARIABLE, level_of
from trixter.errors import TrixterError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

WRONG_USAGE = 2
FAILED = 1

# Flags up to this length have their help beside them, longer ones below.
LONGEST_FLAG = 36

HELP_OPTIONS = ["-h", "--help"]
WIDEST_HELP = 100

SETTINGS: dict[str, Any] = {"help_option_names": HELP_OPTIONS, "max_content_width": WIDEST_HELP}
"""Settings of every command's context."""

SUBCOMMANDS = {
    "demo": (
        "trixter.cli.demo.demo:demo",
        "Watch a connection go bad and good again; needs nothing else.",
    ),
    "run": (
        "trixter.cli.run_command:run",
        "Run a command with a proxy of its own, and end with its status.",
    ),
    "ls": ("trixter.cli.remote:ls", "List the live connections of a running proxy."),
    "watch": ("trixter.cli.watch:watch", "Watch the live connections of a running proxy."),
    "set": ("trixter.cli.remote:set_", "Change the faults of live connections."),
    "kill": ("trixter.cli.remote:kill", "End live connections."),
    "defaults": (
        "trixter.cli.remote:defaults",
        "Show or change the faults of new connections.",
    ),
    "profiles": ("trixter.cli.profiles:profiles", "List the networks that have a name, with their numbers."),
}
"""Of each subcommand, ``module:name`` and the line about it in the help of all."""

# A signal is the ordinary end of these subcommands; any other has not done its work then.
UNTIL_STOPPED = {"demo", "watch"}

HELP = """Put a proxy between a client and a server, and make the network between them bad: slow, throttled,
sliced, corrupt or cut. Change it for each connection, while it is in use, over a REST API.

\b
Example:
  trixter --listen 127.0.0.1:8080 --upstream 127.0.0.1:8181 \\
    --api 127.0.0.1:8888 --delay-ms 250

\b
Point your client to 127.0.0.1:8080, and change its connections while they are open:
  curl -s http://127.0.0.1:8888/connections
  curl -s -X PATCH http://127.0.0.1:8888/connections/_all/delay \\
    -H 'Content-Type: application/json' -d '{"delay_ms": 0}'

\b
Or by the subcommands:
  trixter ls
  trixter set _all --profile 3g

`trixter demo` shows all of it in a few seconds, with nothing else needed. Every option is also an
environment variable: --delay-ms is TRIXTER_DELAY_MS.
"""

EPILOG = """Read more: README.md is the tour, docs/faults.md says exactly what each fault does, and a running
API describes itself at /openapi.json.
"""


class SectionedCommand(click.Command):
    """A command whose help shows the flags under the headings of their sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_sections(self, ctx, formatter)


class LazyGroup(click.Group):
    """A group that imports a subcommand when it is called, and not to list it.

    Args:
        subcommands: By its name, ``module:name`` and one line of help of each.
        **settings: Of the group.
    """

    def __init__(self, *, subcommands: Mapping[str, tuple[str, str]], **settings: Any) -> None:
        super().__init__(**settings)
        self._subcommands = subcommands

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._subcommands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in UNTIL_STOPPED:
            signals.leave_as_killed()  # before the import, which takes longer than most of the subcommands
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._subcommands:
            return None
        command: click.Command = resolve_name(self._subcommands[cmd_name][0])
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        subcommands = [
            CompletionItem(name, help=help)
            for name, (_, help) in self._subcommands.items()
            if name.startswith(incomplete)
        ]
        return subcommands + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in self._subcommands.items()])

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "--listen HOST:PORT --upstream HOST:PORT [OPTIONS]")
        formatter.write_usage(ctx.command_path, "COMMAND", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_sections(self, ctx, formatter)
        self.format_commands(ctx, formatter)


def write_sections(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write every flag under its heading; a flag without one, such as ``--help``, comes under "Help"."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record and isinstance(param, click.Option):  # arguments stand in the first line
            sections.setdefault(getattr(param, "section", "Help"), []).append(record)
    for heading, records in sections.items():
        with formatter.section(heading):
            formatter.write_dl(records, col_max=LONGEST_FLAG)


@click.group(
    cls=LazyGroup,
    subcommands=SUBCOMMANDS,
    name="trixter",
    help=HELP,
    epilog=EPILOG,
    params=list(FLAGS),
    invoke_without_command=True,
    context_settings=SETTINGS,
)
@click.version_option(__version__, "-V", "--version", message="trixter %(version)s")
@click.pass_context
def trixter(ctx: click.Context, /, **values: Any) -> int | None:
    """Run the proxy, unless a subcommand is given."""
    if ctx.invoked_subcommand:
        gc.enable()
        _refuse_flags_before(ctx, ctx.invoked_subcommand)
        return None
    missing = [f"--{name}" for name in ("listen", "upstream") if values[name] is None]
    if missing:
        needs = " and ".join(missing)
        raise click.UsageError(f"{needs} must be given; try `trixter --help` or `trixter demo`", ctx)
    profile_of(ctx, values["profile"], values["profiles"])
    if ctx.get_parameter_source("log_level") is ParameterSource.DEFAULT:
        values["log_level"] = _level_of_rust_log() or values["log_level"]
    from trixter.cli.serve import serve

    return serve(Options.of(values))


def _refuse_flags_before(ctx: click.Context, subcommand: str) -> None:
    """Refuse flags of the proxy in front of a subcommand, where they would have no effect.

    Variables of the environment are no mistake: they may be there for another command.
    """
    for flag in FLAGS:
        if ctx.get_parameter_source(str(flag.name)) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{flag.flag_name} does not go with `{subcommand}`", ctx)


def _level_of_rust_log() -> str | None:
    """Return the level at which the original would log; ``None`` if the variable sets none."""
    level, unread = level_of(os.environ.get(VARIABLE, ""))
    if unread:
        shown = printable(", ".join(map(repr, unread)))
        form = "a directive is such as info or trixter=debug"
        click.echo(f"trixter: {VARIABLE}: ignored {shown}; {form}", err=True)
    return level


def main(args: Sequence[str] | None = None) -> None:
    """Run the command and leave with its exit status.

    Raises:
        SystemExit: Always. 0: success; 1: failure; 2: wrong usage.
    """
    try:
        sys.exit(trixter.main(args, prog_name="trixter", standalone_mode=False) or 0)
    except click.UsageError as exc:
        _fail(complaint(exc), WRONG_USAGE)
    except TrixterError as exc:
        _fail(str(exc), FAILED)
    except BrokenPipeError:  # the reader of our output has closed its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)


def _fail(why: str, status: int) -> NoReturn:
    click.echo(f"trixter: {printable(why)}", err=True)
    sys.exit(status)
