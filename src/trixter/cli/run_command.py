"""``trixter run``: a proxy for as long as another command runs."""

from __future__ import annotations

import errno
import logging
import resource
from collections.abc import Sequence
from typing import Any

import click

from trixter.cli.child_process import ProxyEnvironment, SignalRelay, exit_status_of, start_child
from trixter.cli.command import SETTINGS, VARIABLES, SectionedCommand
from trixter.cli.flags import ADDRESSES, FLAGS, LEVEL, LOG, Flag
from trixter.cli.logs import configure, standard_error
from trixter.cli.options import Options
from trixter.cli.serve import (
    Service,
    bound_service,
    disable_full_collections,
    raise_descriptor_limit,
    run_until_complete,
)
from trixter.cli.types import ListenAddress
from trixter.errors import os_error_text

# Exit statuses, as shells use them.
NOT_FOUND = 127
NOT_EXECUTABLE = 126

log = logging.getLogger("trixter.cli")

HELP = """Start a proxy in front of a server, run a command that uses it, and end with the command's status.

\b
Example:
  trixter run --upstream 127.0.0.1:5432 --profile edge -- pytest tests/

The command finds the proxy in its environment: TRIXTER_PROXY_ADDRESS (host:port), TRIXTER_PROXY_HOST and
TRIXTER_PROXY_PORT; with --api also TRIXTER_API_URL, so that the other subcommands need no address.
In its arguments, {address}, {host} and {port} are replaced by the same values.

\b
  trixter run --upstream 127.0.0.1:8181 --delay-ms 250 -- \\
    curl http://{address}/
"""

# The flags in which `run` differs from the proxy alone.
OWN_FLAGS = {
    "listen": Flag(
        "-l --listen",
        ADDRESSES,
        ListenAddress(),
        "Address that the command connects to; port 0 is a free one",
        default="127.0.0.1:0",
    ),
    "log_level": Flag(
        "--log-level",
        LOG,
        LEVEL,
        "Lowest level to log; if left out, warnings, the seed and the address; info adds connections",
        default=None,
    ),
}


@click.command(
    cls=SectionedCommand,
    name="run",
    help=HELP,
    epilog=VARIABLES,
    params=[OWN_FLAGS.get(str(flag.name), flag) for flag in FLAGS],
    # Everything after the command's name belongs to the command, also without a `--`.
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
    is_terse = values["log_level"] is None
    return run_beside_proxy(
        Options.of(ctx, values | {"log_level": values["log_level"] or "info"}), command, is_terse=is_terse
    )


def run_beside_proxy(options: Options, command: Sequence[str], *, is_terse: bool) -> int:
    """Run a command beside a proxy, and return the command's exit status.

    Args:
        options: Of the proxy.
        command: Its name and its arguments.
        is_terse: Leave the log of single connections out, except for warnings.

    Raises:
        BindError: If a port cannot be had; then the command was not started.
    """
    configure(options.log_level, options.log_format, is_terse=is_terse)
    soft_limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    raise_descriptor_limit()
    return run_until_complete(_run_beside(bound_service(options), options, command, soft_limit))


async def _run_beside(service: Service, options: Options, command: Sequence[str], soft_limit: int) -> int:
    try:
        await service.start()
        disable_full_collections()
        api = next(iter(service.api_addresses), None)
        environment = ProxyEnvironment(service.proxy.listen_addresses[0], api, options.api_token)
        relay = SignalRelay()
        try:
            child = start_child(environment.substitute(command), environment.variables, soft_limit)
        except OSError as exc:
            standard_error().write(f"trixter: cannot run {command[0]!r}: {os_error_text(exc)}")
            return NOT_FOUND if exc.errno == errno.ENOENT else NOT_EXECUTABLE
        relay.start(child)
        status = await exit_status_of(child)
        if status:
            text = "%s ended with status %d; to replay it: --random-seed %d"
            log.info(text, command[0], status, service.seed)
        return status
    finally:
        await service.stop()
