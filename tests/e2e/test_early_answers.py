"""A server that answers before it has read everything, and resets: the answer arrives all the same."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.conftest import Start
from tests.e2e.conversation import address_of, serving
from tests.e2e.measuring import PATIENCE_S, receive_until_reset, unsent_bytes, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ANSWER = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"
TIMES = 40


def _refuse(sock: socket.socket, answer: bytes) -> None:
    """Answer, see that all of it has arrived at the proxy, and reset."""
    with sock:
        sock.recv(10)
        sock.sendall(answer)
        wait_until(lambda: not unsent_bytes(sock), "the answer to be taken")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def refusing_server(answer: bytes) -> Iterator[socket.socket]:
    """Run a server that answers after the first ten bytes of each connection, and resets it."""
    with serving(lambda sock: _refuse(sock, answer)) as server:
        yield server


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--delay-ms=20"],
        ["--throttle-rate-bytes=2000"],
        ["--slice-size-bytes=5", "--delay-ms=5"],
    ],
    ids=" ".join,
)
def test_an_answer_arrives_before_the_reset_behind_it(start: Start, flags: list[str]) -> None:
    with refusing_server(ANSWER) as server:
        trixter = start(f"--upstream={address_of(server)}", *flags)
        for _ in range(TIMES):
            with socket.create_connection(trixter.address, PATIENCE_S) as client:
                client.sendall(b"POST / HTTP/1.1\r\n")
                assert receive_until_reset(client) == ANSWER


def test_a_client_that_reads_late_still_finds_the_answer(start: Start) -> None:
    """More than its buffer takes is in the proxy, and in the proxy's kernel, when the reset comes."""
    answer = bytes(range(256)) * 8192
    with refusing_server(answer) as server:
        trixter = start(f"--upstream={address_of(server)}", "--delay-ms=20")
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            client.settimeout(PATIENCE_S)
            client.connect(trixter.address)
            client.sendall(b"POST / HTTP/1.1\r\n")
            assert receive_until_reset(client, 4096) == answer
