"""Socket options, and the ways a socket can end."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct

# Linux: data sent with this flag is never joined with what follows it in the send queue, so a slice is a
# segment of its own also while the network is slower than we are (tcp_sendmsg, since 4.7).
OWN_SEGMENT = getattr(socket, "MSG_EOR", 0) if hasattr(socket, "TCP_QUICKACK") else 0

_LINGER_ZERO = struct.pack("ii", 1, 0)

# What is thrown away, at most, so that an ordinary close sends FIN. More than a peer has usually sent
# before it learns that nobody reads.
DRAIN_BYTES = 1024 * 1024

WASTE_BYTES = 64 * 1024

OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""A call failed because the process or the system has no room left, not because of its peer."""


def send_at_once(sock: socket.socket) -> None:
    """Switch Nagle's algorithm off: a proxy must not add delays of its own."""
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def close_with_reset(sock: socket.socket) -> None:
    """Close so that the peer sees a reset: RST, by ``SO_LINGER`` 0."""
    with contextlib.suppress(OSError):  # a socket whose peer is gone may refuse, and need not be told
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    sock.close()


def close_quietly(sock: socket.socket) -> None:
    """Close so that the peer sees an ordinary end: FIN.

    The kernel sends RST instead if there is something unread, so that is read first and thrown away.
    """
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        for _ in range(DRAIN_BYTES // WASTE_BYTES):
            if not sock.recv(WASTE_BYTES):
                break
    sock.close()
