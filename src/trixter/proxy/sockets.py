"""Socket options, and the ways a socket can end."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from typing import Any

# Linux: data sent with this flag is never joined with what follows it in the send queue, so a slice is a
# segment of its own also while the network is slower than we are (tcp_sendmsg, since 4.7).
OWN_SEGMENT = getattr(socket, "MSG_EOR", 0) if hasattr(socket, "TCP_QUICKACK") else 0

_LINGER_ZERO = struct.pack("ii", 1, 0)

# What is thrown away, at most, so that an ordinary close sends FIN. More than a peer has usually sent
# before it learns that nobody reads.
DRAIN_BYTES = 1024 * 1024

WASTE_BYTES = 64 * 1024

# The C type under socket.socket. It does the same without Python code of its own at birth and death: a
# twentieth of what a short connection costs.
Socket = socket.SocketType

# Linux makes a socket non-blocking in the call that makes it.
_NON_BLOCKING = getattr(socket, "SOCK_NONBLOCK", 0)

OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""A call failed because the process or the system has no room left, not because of its peer."""


def accept(listening: Socket, family: int) -> tuple[Socket, Any]:
    """Take the next connection, non-blocking, and its peer's address.

    Raises:
        OSError: As ``socket.accept`` does.
    """
    fd, peer = listening._accept()  # type: ignore[attr-defined]  # what socket.accept calls
    sock = Socket(family, socket.SOCK_STREAM, 0, fd)
    sock.setblocking(False)
    return sock, peer


def stream_socket(family: int) -> Socket:
    """Return a new socket, non-blocking and without delays of its own.

    Raises:
        OSError: If no descriptor is left.
    """
    sock = Socket(family, socket.SOCK_STREAM | _NON_BLOCKING)
    if not _NON_BLOCKING:
        sock.setblocking(False)
    send_at_once(sock)
    return sock


def send_at_once(sock: Socket) -> None:
    """Switch Nagle's algorithm off: a proxy must not add delays of its own."""
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def close_with_reset(sock: Socket) -> None:
    """Close so that the peer sees a reset: RST, by ``SO_LINGER`` 0."""
    with contextlib.suppress(OSError):  # a socket whose peer is gone may refuse, and need not be told
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    sock.close()


def close_quietly(sock: Socket) -> None:
    """Close so that the peer sees an ordinary end: FIN.

    The kernel sends RST instead if there is something unread, so that is read first and thrown away.
    """
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        for _ in range(DRAIN_BYTES // WASTE_BYTES):
            if not sock.recv(WASTE_BYTES):
                break
    sock.close()
