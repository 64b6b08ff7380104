"""The log, the API and SIGTERM, while a peer that does nothing, or too much, wants all there is."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from tests.e2e.measuring import PATIENCE_S, receive_exactly, wait_until
from tests.e2e.trixter_process import FROM_SOURCE

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# Their two lines each are more than a pipe takes, which is 64 KiB.
CONNECTIONS = 400


@pytest.fixture
def ports() -> tuple[int, int]:
    """Two ports that nothing has, for a program whose log is not read."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


@contextmanager
def running(*command: str, stderr: int | None) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr) as process:
        try:
            yield process
        finally:
            process.kill()


def answers(api_port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{api_port}/health", trust_env=False).text == "ok"
    except httpx2.TransportError:
        return False


def ping(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(b"ping")
        assert receive_exactly(client, 4) == b"ping"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_standard_error_that_is_not_read_stops_nothing(
    echo_port: int, ports: tuple[int, int], log_format: str
) -> None:
    port, api_port = ports
    flags = (f"--upstream=127.0.0.1:{echo_port}", f"--log-format={log_format}")
    command = (*FROM_SOURCE, f"--listen=127.0.0.1:{port}", f"--api=127.0.0.1:{api_port}", *flags)
    with running(*command, stderr=subprocess.PIPE) as process:
        wait_until(lambda: answers(api_port), "the API")
        for _ in range(CONNECTIONS):
            ping(port)
        assert answers(api_port)

        process.send_signal(signal.SIGTERM)

        assert process.wait(PATIENCE_S) == 0


def test_a_command_is_not_stopped_by_a_log_that_is_not_read(echo_port: int) -> None:
    child = f"""
import os, socket
proxy = os.environ["TRIXTER_PROXY_HOST"], os.environ["TRIXTER_PROXY_PORT"]
for _ in range({CONNECTIONS}):
    with socket.create_connection(proxy) as client:
        client.sendall(b"ping")
        assert client.recv(4)
raise SystemExit(7)
"""
    flags = (f"--upstream=127.0.0.1:{echo_port}", "--log-level=info")
    with running(
        *FROM_SOURCE, "run", *flags, "--", sys.executable, "-c", child, stderr=subprocess.PIPE
    ) as run:
        assert run.wait(PATIENCE_S) == 7


def test_it_ends_well_without_standard_streams(echo_port: int, ports: tuple[int, int]) -> None:
    port, api_port = ports
    flags = (f"--listen=127.0.0.1:{port}", f"--upstream=127.0.0.1:{echo_port}", f"--api=127.0.0.1:{api_port}")
    without = ("sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh")
    with running(*without, *FROM_SOURCE, *flags, stderr=None) as process:
        wait_until(lambda: answers(api_port), "the API")
        ping(port)

        process.send_signal(signal.SIGTERM)

        assert process.wait(PATIENCE_S) == 0
