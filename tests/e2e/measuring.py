"""Measuring what arrives: how much, when, and in which pieces."""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
import termios
import time
from collections.abc import Callable

# For what must happen, however slow the machine is.
PATIENCE_S = 40.0

# A busy machine may be this late, and is not always: the best of several tries is not.
LATENESS_S = 0.050

READ_BYTES = 256 * 1024

# tcpi_data_segs_in in Linux's struct tcp_info: 8 one-byte fields, 24 of 4 bytes, 4 of 8, 4 of 4.
_DATA_SEGMENTS_AT = 8 + 24 * 4 + 4 * 8 + 4 * 4


def wait_until(
    condition: Callable[[], object], what: str | Callable[[], str], within_s: float = PATIENCE_S
) -> None:
    """Wait for a condition that another program brings about."""
    give_up_at = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > give_up_at:
            raise AssertionError(f"waited in vain for {what if isinstance(what, str) else what()}")
        time.sleep(0.005)


def receive_exactly(sock: socket.socket, size_bytes: int) -> bytes:
    """Receive that many bytes."""
    received = bytearray()
    while len(received) < size_bytes:
        data = sock.recv(min(size_bytes - len(received), READ_BYTES))
        assert data, f"ended after {len(received)} of {size_bytes} bytes"
        received += data
    return bytes(received)


def receive_all(sock: socket.socket) -> bytes:
    """Receive what comes until the end."""
    received = bytearray()
    while data := sock.recv(READ_BYTES):
        received += data
    return bytes(received)


def receive_until_reset(sock: socket.socket, most_at_a_time: int = READ_BYTES) -> bytes:
    """Receive what comes until the reset."""
    received = bytearray()
    try:
        while data := sock.recv(most_at_a_time):
            received += data
    except ConnectionResetError:
        return bytes(received)
    raise AssertionError(f"it ended with EOF, after {len(received)} bytes")


def receive_arrivals(sock: socket.socket, size_bytes: int) -> list[tuple[float, int]]:
    """Receive that many bytes; return when how many came."""
    arrivals = []
    missing_bytes = size_bytes
    while missing_bytes:
        size = len(sock.recv(READ_BYTES))
        assert size, f"ended {missing_bytes} bytes early"
        missing_bytes -= size
        arrivals.append((time.monotonic(), size))
    return arrivals


def one_way_s(sender: socket.socket, receiver: socket.socket, message: bytes) -> float:
    """Return how long a message is under way. The clock starts before it leaves: never too little."""
    started_at = time.monotonic()
    sender.sendall(message)
    assert receive_exactly(receiver, len(message)) == message
    return time.monotonic() - started_at


def segments_received(sock: socket.socket) -> int:
    """Return how many segments with data the kernel has seen arrive here."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int(struct.unpack_from("=I", info, _DATA_SEGMENTS_AT)[0])


def waiting_bytes(sock: socket.socket) -> int:
    """Return the number of bytes that have arrived and have not been read."""
    answer = fcntl.ioctl(sock, termios.FIONREAD, bytes(4))
    return int.from_bytes(answer, sys.byteorder)


def unsent_bytes(sock: socket.socket) -> int:
    """Return how much was sent that the other side's kernel does not have yet."""
    answer = fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(answer, sys.byteorder)


def ends_by_reset(sock: socket.socket) -> bool:
    """Read to the end; return whether it was a reset (ECONNRESET) and not EOF."""
    try:
        receive_all(sock)
    except ConnectionResetError:
        return True
    return False
