"""The demo's client: HTTP over a plain socket, so that it sees what the network did to the bytes."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

from trixter.addresses import Address, text_of
from trixter.monotonic import monotonic

LENGTH = re.compile(rb"content-length: *([0-9]+)\r\n", re.IGNORECASE)
END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what came back.

    Args:
        pieces: What each read gave.
        took_s: From the first byte of the question to the last of the answer.
    """

    pieces: list[bytes]
    took_s: float

    @property
    def whole(self) -> bytes:
        """Head and body."""
        return b"".join(self.pieces)

    @property
    def took(self) -> str:
        """The time it took, for people."""
        return f"{self.took_s * 1000:.1f} ms"


class Visitor:
    """Ask, over one connection.

    Args:
        address: The proxy's, ``host:port``.
        patience_s: How long to wait for anything.
    """

    def __init__(self, address: str, *, patience_s: float) -> None:
        proxy = Address.parse_tcp(address, "address")
        self._sock = socket.create_connection((proxy.host, proxy.port), timeout=patience_s)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address = text_of(self._sock.getsockname())

    def get(self, path: str) -> Answer:
        """Return the answer to one request.

        Raises:
            OSError: If the connection is reset.
        """
        return self._exchange(path, "keep-alive")

    def get_the_last(self, path: str) -> Answer:
        """Return all that comes until the server closes, whether it makes sense or not.

        Raises:
            OSError: If the connection is reset.
        """
        return self._exchange(path, "close")

    def wait_for_the_end(self) -> None:
        """Return when the other side closes.

        Raises:
            OSError: If the connection is reset.
        """
        while self._sock.recv(65536):
            pass

    def close(self) -> None:
        """Hang up."""
        self._sock.close()

    def _exchange(self, path: str, fate: str) -> Answer:
        pieces: list[bytes] = []
        began_at = monotonic()
        self._sock.sendall(f"GET {path} HTTP/1.1\r\nHost: demo\r\nConnection: {fate}\r\n\r\n".encode())
        while fate == "close" or not _is_complete(b"".join(pieces)):
            piece = self._sock.recv(65536)
            if not piece:
                break
            pieces.append(piece)
        return Answer(pieces, monotonic() - began_at)


def _is_complete(received: bytes) -> bool:
    head, end, body = received.partition(END_OF_HEAD)
    length = LENGTH.search(head + b"\r\n")
    return bool(end) and length is not None and len(body) >= int(length[1])
