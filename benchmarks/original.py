"""The original and ours: programs with the same flags."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy

from benchmarks.network import Network
from benchmarks.peers import Peer, Relay
from benchmarks.ports import unused_ports
from benchmarks.process import MOST_SECONDS_TO_START, Failed, Program, running


class OriginalFlags(Peer):
    """A program with the original's command line.

    Args:
        name: For people.
        command: How to start it.
        more: Flags that are its own.
        env: Added to its environment.
        quiet: More flags, for no log of connections.
        quiet_env: More of its environment, for that.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        more: list[str],
        env: dict[str, str],
        *,
        quiet: Sequence[str] = (),
        quiet_env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._command = command
        self._logging = more, env
        self._more = [*more, *quiet]
        self._env = env | dict(quiet_env or {})

    def with_flags(self, *flags: str) -> OriginalFlags:
        """Return the same program with these flags, too."""
        twin = copy(self)
        twin._more = [*self._more, *flags]
        return twin

    def with_log(self) -> OriginalFlags:
        twin = copy(self)
        twin._more, twin._env = self._logging
        return twin

    def version(self) -> str | None:
        if shutil.which(self._command[0]) is None:
            return None
        command = [*self._command, "--version"]
        env = os.environ | self._env
        answer = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        return answer.stdout.strip().removeprefix("trixter ") if answer.returncode == 0 else None

    @contextmanager
    def relay(self, upstream: int, network: Network) -> Iterator[Relay]:
        port, api = unused_ports(2)
        command = [*self._command, *flags(port, upstream, api, network), *self._more]
        with running(command, env=self._env) as process:
            program = Program(process)
            program.wait_until_it_accepts(port)
            accepts_since = time.perf_counter()
            program.wait_until_it_accepts(api)
            _await_health(api)  # what is loaded after that is load, and not start-up
            yield Relay(port, program, api, accepts_since)


def _await_health(api: int) -> None:
    """Wait until the API on that loopback port answers: then the program has started with all its parts."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{api}/health", timeout=MOST_SECONDS_TO_START):
            pass
    except OSError as exc:
        raise Failed(f"its API is not healthy: {exc}") from exc


def flags(port: int, upstream: int, api: int, network: Network) -> list[str]:
    """Return the command line for these loopback ports and that network."""
    values = {
        "--listen": f"127.0.0.1:{port}",
        "--upstream": f"127.0.0.1:{upstream}",
        "--api": f"127.0.0.1:{api}",
        "--delay-ms": str(network.delay_ms),
        "--throttle-rate-bytes": str(network.rate_bytes),
        "--slice-size-bytes": str(network.slice_bytes),
        "--terminate-probability-rate": f"{network.probability:.12f}",
        "--corrupt-probability-rate": f"{network.probability:.12f}",
    }
    return [word for flag in values.items() for word in flag]
