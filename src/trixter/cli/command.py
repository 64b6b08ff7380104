"""The ``trixter`` command: its flags, its subcommands, and what a mistake gets."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from trixter import __version__
from trixter.cli import signals
from trixter.cli.flags import FLAGS, complaint
from trixter.cli.formatting import printable
from trixter.cli.group import SETTINGS, LazyGroup
from trixter.cli.options import Options, profile_of
from trixter.cli.rust_log import VARIABLE, level_of
from trixter.errors import TrixterError

WRONG_USAGE = 2
FAILED = 1

SUBCOMMANDS = {
    "demo": "trixter.cli.demo.command:demo",
    "run": "trixter.cli.child.command:run",
    "ls": "trixter.cli.remote.ls:ls",
    "watch": "trixter.cli.remote.watch:watch",
    "set": "trixter.cli.remote.set:set_",
    "kill": "trixter.cli.remote.kill:kill",
    "defaults": "trixter.cli.remote.defaults:defaults",
    "profiles": "trixter.cli.profiles:profiles",
}

# To be stopped is how these end; others have not done what was asked.
UNTIL_STOPPED = {"demo", "watch"}

HELP = """Put a proxy between a client and a server, and make the network between them bad: slow, narrow,
sliced, corrupt or cut. Change it for each connection, while it is in use, over a REST API.

\b
Example:
  trixter --listen 127.0.0.1:8080 --upstream 127.0.0.1:8181 \\
    --api 127.0.0.1:8888 --delay-ms 250

\b
Point your client to 127.0.0.1:8080 and turn the knobs while it talks:
  curl -s http://127.0.0.1:8888/connections
  curl -s -X PATCH http://127.0.0.1:8888/connections/_all/delay \\
    -H 'Content-Type: application/json' -d '{"delay_ms": 0}'

\b
Or let trixter do that:
  trixter ls
  trixter set _all --profile 3g

`trixter demo` shows all of it in a few seconds, with nothing else needed. Every option is also an
environment variable: --delay-ms is TRIXTER_DELAY_MS.
"""

EPILOG = """Read more: README.md is the tour, docs/faults.md says exactly what each fault does, and a running
API describes itself at /openapi.json.
"""


@click.group(
    cls=LazyGroup,
    places=SUBCOMMANDS,
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
    """Run the proxy, unless a subcommand says what to do instead."""
    if ctx.invoked_subcommand:
        gc.enable()
        _refuse_flags_before(ctx, ctx.invoked_subcommand)
        if ctx.invoked_subcommand not in UNTIL_STOPPED:
            signals.leave_as_killed()
        return None
    missing = [f"--{name}" for name in ("listen", "upstream") if values[name] is None]
    if missing:
        needs = " and ".join(missing)
        raise click.UsageError(f"{needs} must be given; try `trixter --help` or `trixter demo`", ctx)
    profile_of(ctx, values["profile"], values["profiles"])
    if ctx.get_parameter_source("log_level") is ParameterSource.DEFAULT:
        values["log_level"] = _level_of_rust_log() or values["log_level"]
    from trixter.cli.run import run

    return run(Options.of(values))


def _refuse_flags_before(ctx: click.Context, subcommand: str) -> None:
    """Refuse what would have no effect; the environment may say more than one command needs."""
    for flag in FLAGS:
        if ctx.get_parameter_source(str(flag.name)) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{flag.flag_name} does not go with `{subcommand}`", ctx)


def _level_of_rust_log() -> str | None:
    """Return the level that the original would log at; ``None`` if that is not said."""
    level, unread = level_of(os.environ.get(VARIABLE, ""))
    if unread:
        shown = printable(", ".join(map(repr, unread)))
        form = "a directive is such as info or trixter=debug"
        click.echo(f"trixter: {VARIABLE}: ignored {shown}; {form}", err=True)
    return level


def main(args: Sequence[str] | None = None) -> None:
    """Run the command and leave with its exit status.

    Raises:
        SystemExit: Always. 0: all went well; 1: it could not be done; 2: it was not asked for correctly.
    """
    try:
        sys.exit(trixter.main(args, prog_name="trixter", standalone_mode=False) or 0)
    except click.UsageError as exc:
        _fail(complaint(exc), WRONG_USAGE)
    except TrixterError as exc:
        _fail(str(exc), FAILED)
    except BrokenPipeError:  # who read what we print has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)


def _fail(why: str, status: int) -> NoReturn:
    click.echo(f"trixter: {printable(why)}", err=True)
    sys.exit(status)
