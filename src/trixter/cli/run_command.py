"""``trixter run``: a proxy for as long as another command runs, with its environment, signals and status."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import resource
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from types import FrameType
from typing import Any

import click

from trixter.addresses import ListenAddress as ProxyAddress
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
from trixter.cli.signals import KILLED, STOP_SIGNALS
from trixter.cli.types import ListenAddress
from trixter.errors import os_error_text

# Exit statuses, as shells use them.
NOT_FOUND = 127
NOT_EXECUTABLE = 126

# Not `${port}`: that is a variable of the child's, which may well be a shell.
PLACEHOLDER = re.compile(r"(?<!\$)\{(address|host|port)\}")

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
    require_both(ctx, values["upstream"], command)
    is_terse = values["log_level"] is None
    return run_beside_proxy(
        Options.of(ctx, values | {"log_level": values["log_level"] or "info"}), command, is_terse=is_terse
    )


def require_both(ctx: click.Context, upstream: str | None, command: Sequence[str]) -> None:
    """Refuse a call without a server or without a command.

    Raises:
        click.UsageError: With the missing part.
    """
    if upstream is None:
        raise click.UsageError("--upstream must be given: the server behind the proxy", ctx)
    if not command:
        raise click.UsageError("the command to run must be given, after `--`", ctx)


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
            text, status = refusal_of(command, exc)
            standard_error().write(f"trixter: {text}")
            return status
        relay.start(child)
        status = await exit_status_of(child)
        if status:
            text = "%s ended with status %d; to replay it: --random-seed %d"
            log.info(text, command[0], status, service.seed)
        return status
    finally:
        await service.stop()


def refusal_of(command: Sequence[str], exc: OSError) -> tuple[str, int]:
    """Return the text and the exit status for a command that cannot be started."""
    status = NOT_FOUND if exc.errno == errno.ENOENT else NOT_EXECUTABLE
    return f"cannot run {command[0]!r}: {os_error_text(exc)}", status


class ProxyEnvironment:
    """The proxy's address, as environment variables and as placeholders in a child's arguments.

    Args:
        listening: The address of the proxy, ``host:port``. For the unspecified address, a child gets the
            loopback address of the same family.
        api: The address of the API; ``None`` if there is none.
        api_token: The token that the API demands.
    """

    def __init__(self, listening: str, api: str | None = None, api_token: str | None = None) -> None:
        where = ProxyAddress.of([listening])
        self.address, self.host, self.port = where.address, where.host, str(where.port)
        self._api = api
        self._api_token = api_token

    @property
    def variables(self) -> dict[str, str]:
        """The variables that a child gets in addition to ours."""
        variables = {
            "TRIXTER_PROXY_ADDRESS": self.address,
            "TRIXTER_PROXY_HOST": self.host,
            "TRIXTER_PROXY_PORT": self.port,
        }
        if self._api is not None:
            variables["TRIXTER_API_URL"] = ProxyAddress.of([self._api]).url("http")
            if self._api_token is not None:
                variables["TRIXTER_API_TOKEN"] = self._api_token
        return variables

    def substitute(self, arguments: Iterable[str]) -> list[str]:
        """Return the arguments with ``{address}``, ``{host}`` and ``{port}`` replaced by their values."""
        values = {"address": self.address, "host": self.host, "port": self.port}
        return [PLACEHOLDER.sub(lambda found: values[found[1]], argument) for argument in arguments]


class SignalRelay:
    """Forward SIGINT and SIGTERM to the child; signals that arrive before it has started are kept for it.

    With Python's own handlers: uvloop now and then calls its own twice for one signal, and a child that is
    interrupted twice may be killed during its cleanup.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._is_first_interrupt = True
        for number in STOP_SIGNALS:
            signal.signal(number, self._forward)

    def start(self, child: subprocess.Popen[bytes]) -> None:
        """Forward to this child from now on, and first the signals that were kept."""
        self._child = child
        while self._early:
            child.send_signal(self._early.pop(0))

    def _forward(self, number: int, frame: FrameType | None) -> None:
        if self._child is None:
            self._early.append(number)
            return
        if number == signal.SIGINT and self._is_first_interrupt:
            self._is_first_interrupt = False
            if is_in_foreground():  # the terminal has sent it to the child, too
                return
        self._child.send_signal(number)


def is_in_foreground() -> bool:
    """Return whether our process group gets the terminal's keyboard interrupts.

    If so, the terminal has sent the interrupt to the child as well, and test runners abandon their cleanup
    at a second one. If the interrupt came from elsewhere after all, the next one is forwarded.
    """
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:  # there is none
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def start_child(
    command: Sequence[str], variables: Mapping[str, str], soft_limit: int
) -> subprocess.Popen[bytes]:
    """Start the child with our environment and some more variables.

    Args:
        command: Its name and its arguments.
        variables: Added to the environment.
        soft_limit: Of open descriptors. The one that we were started with, not the one that we raised it to:
            many programs are slow under a high one.

    Raises:
        OSError: If it cannot be started.
    """
    ours = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft_limit, ours[1]))
    try:
        return subprocess.Popen(command, env=os.environ | variables)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, ours)


async def exit_status_of(child: subprocess.Popen[bytes]) -> int:
    """Wait for the child's end, and return its status as a shell would."""
    try:
        status = await asyncio.to_thread(child.wait)
    finally:
        if child.poll() is None:  # waiting has failed
            child.terminate()
    return status if status >= 0 else KILLED - status
