"""The cost of API calls about thousands of connections: the longest round trip meanwhile."""

from __future__ import annotations

import resource
import socket
import subprocess
import time
from contextlib import ExitStack
from statistics import median

import pytest

from tests.e2e.conftest import Start
from tests.e2e.measuring import receive_exactly
from tests.e2e.upstreams import program

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timing]

MOST_CONNECTIONS = 9_000
A_LARGE_SLICE = ["-X", "PATCH", "-H", "Content-Type: application/json", "-d", '{"size_bytes": 1000000}']
TIMES = 10

# Far above what it costs (that is printed): other programs have the processor now and then.
MOST_S = 0.050


@pytest.mark.timeout(120)
def test_listing_every_connection_does_not_stall_the_traffic(
    start: Start, echo_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    # The proxy has two descriptors for each connection.
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(MOST_CONNECTIONS, (allowed - 200) // 2)
    trixter = start(f"--upstream=127.0.0.1:{echo_port}")
    with ExitStack() as clients_open:
        clients = [clients_open.enter_context(trixter.connect()) for _ in range(count)]
        clients[-1].sendall(b"ping")
        receive_exactly(clients[-1], 4)
        assert len(trixter.connections()) == count

        calls = {
            "nothing": [f"{trixter.api_url}/health"],
            "listing": [f"{trixter.api_url}/connections"],
            "changing": [f"{trixter.api_url}/connections/_all/slice", *A_LARGE_SLICE],
        }
        curl = [program("curl"), "--silent", "--fail"]
        longest = {
            what: [_longest_round_trip_s(clients[0], [*curl, *call]) for _ in range(TIMES)]
            for what, call in calls.items()
        }

    with capsys.disabled():
        for what, taken in longest.items():
            print(f"\nlongest round trip while {what}, of {count} connections: {_ms(taken)}", end="")
    assert median(longest["listing"]) <= MOST_S
    assert median(longest["changing"]) <= MOST_S


def _longest_round_trip_s(client: socket.socket, command: list[str]) -> float:
    """Ping until the program has ended; return the longest that an answer took."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    longest_s = 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            sent_at = time.monotonic()
            client.sendall(b"ping")
            receive_exactly(client, 4)
            longest_s = max(longest_s, time.monotonic() - sent_at)
    assert process.returncode == 0
    return longest_s


def _ms(seconds: list[float]) -> str:
    least, middle, most = (f"{1000 * each:.1f}" for each in (min(seconds), median(seconds), max(seconds)))
    return f"{middle} ms ({least} to {most})"
