"""A break at byte n: the peer's kernel has exactly n bytes, for every n of a message."""

from __future__ import annotations

import queue
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

import pytest

from tests.e2e.conversation import serving
from tests.e2e.measuring import PATIENCE_S
from trixter.testing import Chaos

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

MESSAGE = bytes(range(40))
BREAKS = ["reset", "close", "half-close"]


@contextmanager
def serve(received: queue.Queue[bytes]) -> Iterator[socket.socket]:
    """Read a message of each client, and send one; give what arrived of it."""

    def answer(client: socket.socket) -> None:
        with client:
            received.put(read_all(client, len(MESSAGE)))
            with suppress(OSError):
                client.sendall(MESSAGE)

    with serving(answer) as server:
        yield server


def read_all(sock: socket.socket, size: int) -> bytes:
    """Read until so many bytes have come, or the stream is over."""
    sock.settimeout(PATIENCE_S)
    data = b""
    with suppress(ConnectionError):
        while len(data) < size and (piece := sock.recv(size)):
            data += piece
    return data


@pytest.mark.parametrize("break_with", BREAKS)
@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_the_peer_has_exactly_the_bytes_before_the_break(
    break_with: str, direction: Literal["upstream", "downstream"]
) -> None:
    received: queue.Queue[bytes] = queue.Queue()
    counted: dict[int, int] = {}
    with serve(received) as server, Chaos(seed=1) as chaos:
        rounds = chaos.sweep(
            server, break_with=break_with, at="every byte", direction=direction, exhaustive=True
        )
        for network in rounds:
            with network as proxy, socket.create_connection((proxy.host, proxy.port)) as client:
                with suppress(ConnectionError):
                    client.sendall(MESSAGE)
                at_client, at_server = read_all(client, len(MESSAGE)), received.get(timeout=PATIENCE_S)
            if network.point is not None:
                passed = at_server if direction == "upstream" else at_client
                assert passed == MESSAGE[: len(passed)]
                counted[network.point.offset_bytes] = len(passed)
    assert counted == {n: n for n in range(len(MESSAGE) + 1)}
