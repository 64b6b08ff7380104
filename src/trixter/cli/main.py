"""The ``trixter`` command: its help, its subcommands, the level that RUST_LOG sets, its exit status."""

from __future__ import annotations

import errno
import gc
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from trixter import __version__
from trixter.cli.command import SETTINGS, VARIABLES, CommandName, LazyGroup, SectionedCommand, complaint
from trixter.cli.flags import FLAGS
from trixter.cli.formatting import printable
from trixter.cli.options import Options
from trixter.errors import TrixterError

WRONG_USAGE = 2
FAILED = 1

UNWRITABLE = {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""Errors of a write to standard output: no reader, no space, no terminal."""

SUBCOMMANDS = {
    "demo": ("trixter.cli.demo.demo:demo", "Demonstrate every fault on this machine"),
    "run": ("trixter.cli.run_command:run", "Run a command beside a proxy of its own"),
    "sweep": ("trixter.cli.sweep_command:sweep", "Run a command under every break, one at a time"),
    "ls": ("trixter.cli.remote:ls", "List live connections"),
    "watch": ("trixter.cli.watch:watch", "Follow live connections"),
    "status": ("trixter.cli.remote:status", "Show a proxy: addresses, availability, counters"),
    "set": ("trixter.cli.remote:set_", "Change the faults of live connections"),
    "defaults": ("trixter.cli.remote:defaults", "Show or change the faults of new connections"),
    "kill": ("trixter.cli.remote:kill", "End live connections"),
    "down": ("trixter.cli.remote:down", "Refuse new connections and reset live ones"),
    "refuse": ("trixter.cli.remote:refuse", "Refuse new connections; live ones go on"),
    "up": ("trixter.cli.remote:up", "Accept new connections again"),
    "profiles": ("trixter.cli.profiles:profiles", "List network profiles, such as 3g"),
    "docs": ("trixter.cli.docs:docs", "Show the documentation"),
    "help": ("trixter.cli.main:help_", "Show the help of a command"),
}
"""Of each subcommand, ``module:name`` and the line about it in the help of all."""

HELP = """TCP chaos proxy: latency, bandwidth limits, sliced writes, corrupt bytes, resets and outages
between a client and a server, changed for each connection while it is in use.

\b
Example:
  trixter --listen 127.0.0.1:8080 --upstream 127.0.0.1:8181 \\
    --api 127.0.0.1:8888 --delay-ms 250

\b
Point your client to 127.0.0.1:8080. Then, from another terminal:
  trixter ls
  trixter set --all --profile 3g
  trixter down
"""

EPILOG = f"""{VARIABLES} For the commands, TRIXTER_API_URL is the address of the API.

`trixter COMMAND --help` has the options of a command, `trixter docs` the documentation.
"""

RUST_VARIABLE = "RUST_LOG"

# The levels of the original's logging library, and their numbers. Python has no level below debug.
RUST_LEVELS = {
    "off": "off",
    "error": "error",
    "warn": "warning",
    "info": "info",
    "debug": "debug",
    "trace": "debug",
    "0": "off",
    "1": "error",
    "2": "warning",
    "3": "info",
    "4": "debug",
    "5": "debug",
}

# `target=level`, `level` or `target`; a target is a path of Rust modules.
DIRECTIVE = re.compile(r"(?:(?P<target>[A-Za-z_][\w-]*(?:::\w+)*)(?:=(?P<level>\w+))?|(?P<number>[0-5]))")

OURS = "trixter"


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
@click.version_option(__version__, "-V", "--version", message="trixter %(version)s", help="Show the version")
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
    options = Options.of(ctx, values)
    if ctx.get_parameter_source("log_level") is ParameterSource.DEFAULT:
        options = replace(options, log_level=_level_of_rust_log() or options.log_level)
    from trixter.cli.serve import serve

    return serve(options)


def _refuse_flags_before(ctx: click.Context, subcommand: str) -> None:
    """Refuse flags of the proxy in front of a subcommand, where they would have no effect.

    Variables of the environment are no mistake: they may be there for another command.
    """
    for flag in FLAGS:
        if ctx.get_parameter_source(str(flag.name)) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{flag.flag_name} does not go with `{subcommand}`", ctx)


@click.command(cls=SectionedCommand, name="help", context_settings=SETTINGS)
@click.argument("command", required=False, metavar="[COMMAND]", type=CommandName())
@click.pass_context
def help_(ctx: click.Context, command: str | None) -> None:
    """Show the help of a command or, without COMMAND, that of all."""
    group = ctx.find_root()
    found = trixter.get_command(group, command) if command else None
    if found is not None:
        group = click.Context(found, info_name=command, parent=group, **SETTINGS)
    click.echo(group.get_help())


def _level_of_rust_log() -> str | None:
    """Return the level at which the original would log; ``None`` if the variable sets none."""
    level, unread = level_of(os.environ.get(RUST_VARIABLE, ""))
    if unread:
        shown = printable(", ".join(map(repr, unread)))
        form = "a directive is such as info or trixter=debug"
        click.echo(f"trixter: {RUST_VARIABLE}: ignored {shown}; {form}", err=True)
    return level


def level_of(text: str) -> tuple[str | None, list[str]]:
    """Return the level that a value of ``RUST_LOG`` sets, and the directives that are malformed.

    A directive for ``trixter`` takes precedence over one for all targets, and of several of a kind the last
    counts. Directives for other targets, such as ``tokio=warn`` or ``trixter::api=debug``, are about modules
    that this program does not have, and are ignored.

    Returns:
        A level of ``--log-level``, or ``None`` if none is set; and the malformed directives.
    """
    for_all: str | None = None
    for_us: str | None = None
    unread: list[str] = []
    for directive in filter(None, map(str.strip, text.split(","))):
        found = DIRECTIVE.fullmatch(directive)
        target, level = (found["target"], found["level"]) if found else (None, None)
        if found is None or (level is not None and level.lower() not in RUST_LEVELS):
            unread.append(directive)
        elif level is None and (target or found["number"]).lower() in RUST_LEVELS:
            for_all = RUST_LEVELS[(target or found["number"]).lower()]
        elif target == OURS:
            # A target alone means all its levels.
            for_us = RUST_LEVELS[(level or "trace").lower()]
    return for_us or for_all, unread


def main(args: Sequence[str] | None = None) -> None:
    """Run the command and leave with its exit status.

    Raises:
        SystemExit: Always. 0: success; 1: failure; 2: wrong usage.
    """
    try:
        status = trixter.main(args, prog_name="trixter", standalone_mode=False) or 0
        sys.stdout.flush()
        sys.exit(status)
    except click.UsageError as exc:
        _fail(complaint(exc), WRONG_USAGE)
    except TrixterError as exc:
        _fail(str(exc), FAILED)
    except OSError as exc:
        if exc.errno not in UNWRITABLE:
            raise
        # The interpreter writes what is left of the output once more, at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if exc.errno == errno.EPIPE:  # the reader of our output has closed its end
            sys.exit(FAILED)
        _fail(f"cannot write the output: {os.strerror(exc.errno).lower()}", FAILED)


def _fail(why: str, status: int) -> NoReturn:
    click.echo(f"trixter: {printable(why)}", err=True)
    sys.exit(status)
