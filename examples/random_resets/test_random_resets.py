"""A test that fails at random: its program does not expect a connection to break.

The report shows the seed. With it, the same request fails again.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from trixter.testing import Chaos


def send_back(client: socket.socket) -> None:
    with client, suppress(ConnectionError):
        while data := client.recv(1024):
            client.sendall(data)


def serve(server: socket.socket) -> None:
    with suppress(OSError):  # until it is closed
        while True:
            threading.Thread(target=send_back, args=(server.accept()[0],)).start()


@pytest.fixture
def echo_server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.chaos(terminate=0.02, direction="upstream")
def test_a_thousand_questions_are_answered(chaos: Chaos, echo_server: str) -> None:
    network = chaos.proxy(echo_server)
    with socket.create_connection((network.host, network.port)) as client:
        for number in range(1000):
            client.sendall(b"question %d" % number)
            answer = client.recv(1024)
            assert answer == b"question %d" % number
