"""The programs at both ends of a connection, as their sockets see it."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from random import Random

from tests.proxy.waiting import PATIENCE_S, turns
from trixter.proxy.closing import close_with_reset

# What TCP_INFO holds before tcpi_data_segs_in: see <linux/tcp.h>.
_TCP_INFO_BEFORE_DATA_SEGS_IN = 152
_TCP_INFO_BEFORE_UNACKED = 24


class Peer:
    """A program that talks over one socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.has_ended = False
        """Whether ``received`` has met EOF."""

    def send(self, data: bytes) -> None:
        """Send it; a test that uses this knows that there is room."""
        assert self.sock.send(data) == len(data)

    def send_what_fits(self, data: bytes | memoryview) -> int:
        """Send until the socket is full; return how many bytes that was."""
        sent = 0
        with suppress(BlockingIOError):
            while sent < len(data):
                sent += self.sock.send(memoryview(data)[sent:])
        return sent

    async def send_all(self, data: bytes) -> None:
        """Send it, as fast as it is taken."""
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.get_running_loop().sock_sendall(self.sock, data)

    def finish(self) -> None:
        """Send EOF, and go on receiving."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Go away with an RST."""
        close_with_reset(self.sock)

    def close(self) -> None:
        self.sock.close()

    def received(self, most: int = 1 << 30) -> bytes:
        """Return what has arrived so far, without waiting."""
        pieces = []
        with suppress(BlockingIOError):
            while most and not self.has_ended:
                pieces.append(self.sock.recv(min(most, 65536)))
                self.has_ended = not pieces[-1]
                most -= len(pieces[-1])
        return b"".join(pieces)

    def receive_now(self) -> list[bytes]:
        """Return, without waiting, the next of what has arrived, if there is more.

        Raises:
            ConnectionResetError: If a reset comes next.
        """
        try:
            piece = self.sock.recv(65536)
        except BlockingIOError:
            return []
        self.has_ended = not piece
        return [piece]

    async def receive(self, size: int) -> bytes:
        """Return exactly that many bytes."""
        data = b""
        while len(data) < size:
            more = await self._receive_some(size - len(data))
            assert more, f"EOF after {len(data)} of {size} bytes"
            data += more
        return data

    async def receive_all(self) -> bytes:
        """Return everything up to EOF."""
        pieces = []
        while more := await self._receive_some(1 << 20):
            pieces.append(more)
        return b"".join(pieces)

    async def receive_reset(self) -> bytes:
        """Return what came before the reset; fail if there was none."""
        pieces = []
        try:
            while more := await self._receive_some(1 << 20):
                pieces.append(more)
        except ConnectionResetError:
            return b"".join(pieces)
        raise AssertionError("it ended with EOF")

    @property
    def segments_received(self) -> int:
        """How many TCP segments with data have arrived."""
        size = _TCP_INFO_BEFORE_DATA_SEGS_IN + 4
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, size)
        return int(struct.unpack_from("=I", info, _TCP_INFO_BEFORE_DATA_SEGS_IN)[0])

    async def _receive_some(self, size: int) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.get_running_loop().sock_recv(self.sock, size)


def fill(sock: socket.socket) -> int:
    """Send zeros until the socket is full, and stays it; return how many.

    A busy kernel moves bytes on to the receiver later, and then there is room again. So none may be on the
    way: all that was sent is acknowledged, and the rest waits for the receiver to read.
    """
    zeros = bytes(1 << 20)
    sent = more = 0
    was_on_the_way = 1
    while more or was_on_the_way:
        was_on_the_way = _unacknowledged(sock)  # first: what leaves afterwards makes no room
        more = Peer(sock).send_what_fits(zeros)
        sent += more
    return sent


def _unacknowledged(sock: socket.socket) -> int:
    """Return how many TCP segments are on the way."""
    size = _TCP_INFO_BEFORE_UNACKED + 4
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, size)
    return int(struct.unpack_from("=I", info, _TCP_INFO_BEFORE_UNACKED)[0])


PAYLOAD = Random(1).randbytes(32 << 20)
"""More than fits into all the buffers on the way."""


async def clog(peer: Peer) -> int:
    """Send the payload until everything on the way is full; return how much of it that was."""
    sent = quiet = 0
    while quiet < 3:
        more = peer.send_what_fits(memoryview(PAYLOAD)[sent:])
        quiet = 0 if more else quiet + 1
        sent += more
        await turns()
    assert sent < len(PAYLOAD), "there was no backpressure"
    return sent
