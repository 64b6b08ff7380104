"""The log, the API and SIGTERM, while a peer that does nothing, or too much, wants all there is."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import httpx2
import pytest

from benchmarks.ports import unused_ports
from tests.e2e.conftest import Start
from tests.e2e.measuring import PATIENCE_S, receive_exactly, wait_until
from tests.e2e.trixter_process import FROM_SOURCE, Trixter

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# Their two lines each are more than a pipe takes, which is 64 KiB.
CONNECTIONS = 400


@pytest.fixture
def ports() -> tuple[int, int]:
    """Two ports that nothing has, for a program whose log is not read."""
    port, api_port = unused_ports(2)
    return port, api_port


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


def half_open(address: tuple[str, int], count: int, opened: ExitStack) -> list[socket.socket]:
    """Connect to the API that often, each with the beginning of a request."""
    clients = []
    for _ in range(count):
        client = opened.enter_context(socket.create_connection(address, timeout=PATIENCE_S))
        client.sendall(b"GET /hea")
        clients.append(client)
    return clients


def api_address(trixter: Trixter) -> tuple[str, int]:
    host, _, port = trixter.api_url.removeprefix("http://").rpartition(":")
    return host, int(port)


def test_half_open_clients_of_the_api_take_no_descriptors_from_the_traffic(
    start: Start, echo_port: int
) -> None:
    trixter = start(f"--upstream=127.0.0.1:{echo_port}", most_descriptors=256)
    with ExitStack() as opened:
        half_open(api_address(trixter), 240, opened)

        ping(trixter.port)
        assert trixter.api.get("/health").text == "ok"


def test_half_open_clients_of_the_api_are_gone_after_a_while(start: Start, echo_port: int) -> None:
    trixter = start(f"--upstream=127.0.0.1:{echo_port}")
    with ExitStack() as opened:
        for client in half_open(api_address(trixter), 200, opened):
            assert client.recv(1) == b""


def test_the_api_answers_when_the_traffic_has_all_descriptors(start: Start, echo_port: int) -> None:
    trixter = start(f"--upstream=127.0.0.1:{echo_port}", most_descriptors=60)
    trixter.api.close()
    with ExitStack() as opened:
        for _ in range(60):
            opened.enter_context(trixter.connect())
        trixter.wait_for_log("WARNING .*cannot accept")

        for _ in range(5):
            assert answers(api_address(trixter)[1])


def test_a_refused_body_is_not_read_to_its_end(start: Start, echo_port: int) -> None:
    trixter = start(f"--upstream=127.0.0.1:{echo_port}", "--api-token=secret")
    head = b"PATCH /defaults HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n"
    with socket.create_connection(api_address(trixter), timeout=PATIENCE_S) as client:
        client.sendall(head)
        with suppress(ConnectionError):
            while True:
                client.sendall(b" " * 65536)


def test_a_refused_client_gets_its_answer_though_it_is_still_sending(start: Start, echo_port: int) -> None:
    trixter = start(f"--upstream=127.0.0.1:{echo_port}", "--api-token=secret")
    answer = trixter.api.patch("/defaults", content=b" " * 200_000_000)
    assert (answer.status_code, answer.headers["connection"]) == (401, "close")


def test_a_flood_of_refusals_does_not_fill_the_log(start: Start, echo_port: int) -> None:
    trixter = start(f"--upstream=127.0.0.1:{echo_port}")
    for _ in range(200):
        with socket.create_connection(api_address(trixter), timeout=PATIENCE_S) as client:
            client.sendall(b"nonsense\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 400 ")
    assert 1 <= trixter.log.count("refused a request") < 200
