"""The command in a process of its own, and an upstream for it."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

COMMAND = "from trixter.cli import entry_point; entry_point()"
WITHOUT_UVLOOP = f"import sys; sys.modules['uvloop'] = None; {COMMAND}"

PATIENCE_S = 40.0


class Program:
    """Run ``trixter``, and read its log.

    Args:
        *args: Of the command.
        code: What Python runs.
        env: More environment variables.
        start_new_session: Whether it is cut off from the terminal that the tests run in.
    """

    def __init__(
        self,
        *args: str,
        code: str = COMMAND,
        env: dict[str, str] | None = None,
        start_new_session: bool = False,
    ) -> None:
        # On another loop it runs the same lines, so it counts none of them.
        uncounted = ("COVERAGE_PROCESS_CONFIG",) if code == WITHOUT_UVLOOP else ()
        inherited = {name: value for name, value in os.environ.items() if name not in uncounted}
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, *args],
            env=inherited | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=start_new_session,
        )
        assert self._process.stdout
        assert self._process.stderr
        self._stdout, self._stderr = self._process.stdout, self._process.stderr
        self.log = ""
        """The lines read so far."""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read the log until a line matches."""
        for line in self._stderr:
            self.log += line
            found = re.search(pattern, line)
            if found:
                return found
        raise AssertionError(f"no {pattern!r} in:\n{self.log}")

    def proxy(self) -> tuple[str, int]:
        """Wait until it accepts, and return where."""
        return "127.0.0.1", int(self.wait_for(r"listening on 127\.0\.0\.1:(\d+) ")[1])

    def api(self) -> http.client.HTTPConnection:
        """Wait until the API answers, and return a client for it."""
        return http.client.HTTPConnection(self.wait_for(r"API on http://([\d.:]+)")[1], timeout=PATIENCE_S)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def end(self) -> tuple[int, str]:
        """Wait until it ends by itself; return its exit status and its standard output."""
        # Not communicate(): it misses the bytes that were read ahead while waiting for a line.
        self.log += self._stderr.read()
        stdout = self._stdout.read()
        return self._process.wait(PATIENCE_S), stdout

    def stop(self) -> int:
        """Ask it to end, and return its exit status."""
        self.send(signal.SIGTERM)
        return self.end()[0]

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._stderr.close()
        self._stdout.close()


@contextmanager
def echo_server() -> Iterator[str]:
    """Echo, for one client after another; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:  # closed: the test is over
                    return
                with client:
                    while data := client.recv(65536):
                        client.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


@contextmanager
def closed_port() -> Iterator[str]:
    """Yield an address that refuses connections: bound, so that no program can take it, but not listening."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{sock.getsockname()[1]}"


def connect(address: tuple[str, int]) -> socket.socket:
    """Connect as a client of the proxy."""
    return socket.create_connection(address, timeout=PATIENCE_S)
