"""A network with host names of its own, for programs that are deployed by name.

Linux's namespaces make it: a loopback interface, and an /etc/hosts. Nothing outside is reachable from it, and
every port is free.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from tests.docs.pages import ROOT
from tests.e2e.measuring import PATIENCE_S
from tests.e2e.upstreams import program, running

NAMESPACES = ("--user", "--net", "--mount")

# $0 is the file with the names, $1 the interpreter. It stays until its standard input ends.
HOLD = """
mount --bind "$0" /etc/hosts
"$1" -c "from tests.docs.sandbox import bring_up_loopback; bring_up_loopback()"
echo ready
exec cat
"""


class Network:
    """Give host names addresses of the loopback interface, and run programs among them.

    Args:
        host_names: One address for each; ``localhost`` is there.
        folder: For the file with the names.
    """

    def __init__(self, host_names: Iterable[str], folder: Path) -> None:
        addresses = {name: f"127.0.1.{number}" for number, name in enumerate(host_names, 1)}
        lines = [f"{address} {name}\n" for name, address in ({"localhost": "127.0.0.1"} | addresses).items()]
        self._hosts = folder / "hosts"
        self._hosts.write_text("".join(lines))
        self._stack = ExitStack()

    def __enter__(self) -> Network:
        hold = ["sh", "-ec", HOLD, str(self._hosts), sys.executable]
        self._holder = subprocess.Popen(
            [program("unshare"), *NAMESPACES, "--map-root-user", *hold],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._stack.enter_context(self._holder)
        self._stack.callback(self._holder.kill)
        assert self._holder.stdout
        assert self._holder.stdout.readline() == "ready\n"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def start(self, *command: str, environment: Mapping[str, str] | None = None) -> None:
        """Leave a program running until the network ends, with more environment variables."""
        variables = [f"{name}={value}" for name, value in (environment or {}).items()]
        self._stack.enter_context(running(self._words(["env", *variables, *command])))

    def fetch(self, url: str, *options: str) -> tuple[int, str]:
        """Return the status and the body that curl gets; status 0 if nothing answers."""
        curl = ["curl", "-s", "--max-time", str(PATIENCE_S), "-w", r"\n%{http_code}", *options, url]
        printed = subprocess.run(self._words(curl), stdout=subprocess.PIPE, text=True).stdout
        body, _, status = printed.rpartition("\n")
        return int(status), body

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(self._words(command), capture_output=True, text=True, timeout=5 * PATIENCE_S)

    def _words(self, command: Sequence[str]) -> list[str]:
        enter = [program("nsenter"), f"--target={self._holder.pid}", *NAMESPACES, "--preserve-credentials"]
        return [*enter, "--", *command]
