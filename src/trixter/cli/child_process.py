"""The child of ``trixter run``: its environment, its signals and its exit status."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from types import FrameType

from trixter.addresses import ListenAddress
from trixter.cli.signals import KILLED, STOP_SIGNALS

# Not `${port}`: that is a variable of the child's, which may well be a shell.
PLACEHOLDER = re.compile(r"(?<!\$)\{(address|host|port)\}")


class ProxyEnvironment:
    """The proxy's address, as environment variables and as placeholders in a child's arguments.

    Args:
        listening: The address of the proxy, ``host:port``. For the unspecified address, a child gets the
            loopback address of the same family.
        api: The address of the API; ``None`` if there is none.
        api_token: The token that the API demands.
    """

    def __init__(self, listening: str, api: str | None = None, api_token: str | None = None) -> None:
        where = ListenAddress.of([listening])
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
            variables["TRIXTER_API_URL"] = ListenAddress.of([self._api]).url("http")
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
