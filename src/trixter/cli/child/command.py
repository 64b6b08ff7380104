"""The ``trixter run`` subcommand."""

from __future__ import annotations

from typing import Any

import click

from trixter.cli.addresses import ListenAddress
from trixter.cli.flags import ADDRESSES, FLAGS, LEVEL, LOG, Flag
from trixter.cli.group import SETTINGS, SectionedCommand
from trixter.cli.options import Options, profile_of

HELP = """Start a proxy in front of a server, run a command that uses it, and end with the command's status.

\b
Example:
  trixter run --upstream 127.0.0.1:5432 --profile edge -- pytest tests/

The command finds the proxy in its environment: TRIXTER_PROXY_ADDRESS (host:port), TRIXTER_PROXY_HOST and
TRIXTER_PROXY_PORT; with --api also TRIXTER_API_URL, so that `trixter set` and its like need no address.
In its arguments, {address}, {host} and {port} stand for the same.

\b
  trixter run --upstream 127.0.0.1:8181 --delay-ms 250 -- \\
    curl http://{address}/
"""

# Where `run` is not like the proxy alone.
OWN_FLAGS = {
    "listen": Flag(
        "-l --listen", ADDRESSES, ListenAddress(), "Where the command connects to.", default="127.0.0.1:0"
    ),
    "log_level": Flag(
        "--log-level",
        LOG,
        LEVEL,
        "Without it: warnings, the seed, where the proxy is. info adds every connection.",
        default=None,
    ),
}


@click.command(
    cls=SectionedCommand,
    name="run",
    help=HELP,
    short_help="Run a command with a proxy of its own, and end with its status.",
    params=[OWN_FLAGS.get(str(flag.name), flag) for flag in FLAGS],
    # What follows the command's name is the command's, also without a `--`.
    context_settings=SETTINGS | {"allow_interspersed_args": False},
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND [ARGS]…")
@click.pass_context
def run(ctx: click.Context, /, command: tuple[str, ...], **values: Any) -> int:
    """Run the proxy until the command ends."""
    if values["upstream"] is None:
        raise click.UsageError("--upstream must be given: the server behind the proxy", ctx)
    if not command:
        raise click.UsageError("the command to run must be given, after `--`", ctx)
    profile_of(ctx, values["profile"], values["profiles"])
    is_terse = values["log_level"] is None
    from trixter.cli.child.perform import perform

    return perform(
        Options.of(values | {"log_level": values["log_level"] or "info"}), command, is_terse=is_terse
    )
