"""The command as a user starts it, and its API as a user calls it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2

from tests.e2e.measuring import PATIENCE_S, wait_until

FROM_SOURCE = (sys.executable, "-m", "trixter")


class Trixter:
    """Run the command with an API, until ``stop()``.

    Args:
        log_path: Where its log goes.
        flags: Of the command; without ``--listen`` and ``--api``, those take free ports.
        most_descriptors: What ``ulimit -n`` allows it; ``None`` leaves that as it is.
        program: The command's own words, such as an installed one's path.
    """

    def __init__(
        self,
        log_path: Path,
        *flags: str,
        most_descriptors: int | None = None,
        program: Sequence[str] = FROM_SOURCE,
    ) -> None:
        self._log_path = log_path
        given = {flag.partition("=")[0] for flag in flags}
        free_ports = [f"{name}=127.0.0.1:0" for name in ("--listen", "--api") if name not in given]
        command = [*program, *free_ports, *flags]
        if most_descriptors is not None:
            command = ["sh", "-c", f'ulimit -n {most_descriptors}; exec "$@"', "sh", *command]
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env={name: value for name, value in os.environ.items() if not name.startswith("TRIXTER_")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self.api_url = self.wait_for_log(r"API on (http://\S+)")[1]
            self.addresses = self.wait_for_log(r"listening on (.+) → upstream")[1].split(", ")
        except BaseException:
            self.kill()
            raise
        self.api = self._new_client()

    def _new_client(self) -> httpx2.Client:
        # Nothing is encrypted, so nothing need be loaded to verify it: a client is made for each test.
        return httpx2.Client(base_url=self.api_url, timeout=PATIENCE_S, trust_env=False, verify=False)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def port(self) -> int:
        return int(self.addresses[0].rpartition(":")[2])

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; the first address if there are several."""
        return self.addresses[0].rpartition(":")[0], self.port

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self._log_path.read_text()

    def wait_for_log(self, pattern: str) -> re.Match[str]:
        """Wait until the log has it."""
        wait_until(
            lambda: re.search(pattern, self.log) or self._process.poll() is not None,
            lambda: f"{pattern!r} in the log:\n{self.log}",
        )
        found = re.search(pattern, self.log)
        assert found, f"ended with status {self._process.returncode}; no {pattern!r} in its log:\n{self.log}"
        return found

    def connect(self) -> socket.socket:
        """Connect as a client."""
        host, _, port = self.addresses[0].rpartition(":")
        host = host.strip("[]").replace("0.0.0.0", "127.0.0.1")
        return socket.create_connection((host, int(port)), timeout=PATIENCE_S)

    def connections(self) -> list[dict[str, Any]]:
        """Return the live connections."""
        return list(self.api.get("/connections").raise_for_status().json())

    def change(self, id: str, stem: str, **body: object) -> None:
        """Change one fault of one connection, or of ``_all``."""
        answer = self.api.patch(f"/connections/{id}/{stem}", json=body)
        assert answer.status_code == 202, answer.text

    def shut_down(self, id: str, reason: str) -> None:
        """Close one connection, or ``_all``."""
        answer = self.api.post(f"/connections/{id}/shutdown", json={"reason": reason})
        assert answer.status_code == 202, answer.text

    def change_defaults(self, **defaults: object) -> None:
        """Change what new connections start with."""
        answer = self.api.patch("/defaults", json=defaults)
        assert answer.status_code == 202, answer.text

    def clear(self) -> None:
        """End every connection, and let new ones start without faults."""
        self.shut_down("_all", "the test is over")
        self.change_defaults(
            delay={"delay_ms": 0},
            throttle={"rate_bytes": 0},
            slice={"size_bytes": 0},
            termination={"probability_rate": 0},
            corruption={"probability_rate": 0},
            connection_duration_ms=0,
        )

    def hang_up(self) -> None:
        """Close the connection to the API, so that no test leaves it behind; a call opens another one."""
        self.api.close()
        self.api = self._new_client()

    def open_descriptors(self) -> int:
        """Return how many descriptors the process has."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def running_s(self) -> float:
        """Return how long it has run on a processor, waiting for one apart."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e9

    def stop(self) -> None:
        """Ask it to stop: it does, cleanly, and nothing went wrong inside while it ran."""
        self.api.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(PATIENCE_S)
        finally:
            self.kill()
        assert status == 0, self.log
        assert "Traceback" not in self.log
        assert "internal error" not in self.log

    def kill(self) -> None:
        """End it, whatever state it is in. Twice is no error."""
        self._process.kill()
        self._process.wait()
