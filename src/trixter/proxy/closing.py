"""Closing sockets so that their peers notice, whatever other process holds a duplicate of the descriptor.

``close()`` alone ends nothing while the child of a fork has the same socket; these say the end first.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
import sys

from trixter.proxy.ending import CLOSED, Ending
from trixter.proxy.sockets import Socket

# What is thrown away, at most, so that an ordinary close sends FIN. More than a peer has usually sent
# before it learns that the proxy does not read any more.
DRAIN_BYTES = 1024 * 1024

WASTE_BYTES = 64 * 1024

_LINGER_ZERO = struct.pack("ii", 1, 0)

# An address of the family AF_UNSPEC, as long as the longest that connect(2) looks at.
_NO_ADDRESS = bytes(28)

# Linux: connecting to no address takes a TCP connection apart at once, as closing with SO_LINGER 0 does, but
# whatever number of descriptors stand for it. The socket module has no such address.
_connect = ctypes.CDLL(None, use_errno=True).connect if sys.platform == "linux" else None


def close_as(sock: Socket, ending: Ending) -> None:
    """Close so that the peer sees the end that a connection had."""
    if ending.reset:
        close_with_reset(sock)
    elif ending.reason == CLOSED:
        sock.close()  # both FINs have been sent, and everything was read
    else:
        close_quietly(sock)


def close_with_reset(sock: Socket) -> None:
    """Close so that the peer sees a reset: RST. What the kernel has not sent yet is dropped.

    A Unix socket has no RST: its peer sees an end, or a reset if it had sent what was not read.
    """
    if sock.family == socket.AF_UNIX:
        with contextlib.suppress(OSError):  # the peer is gone, and need not be told
            sock.shutdown(socket.SHUT_RDWR)
    elif _connect is None or _connect(sock.fileno(), _NO_ADDRESS, len(_NO_ADDRESS)):
        with contextlib.suppress(OSError):  # a socket whose peer is gone may refuse
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
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RD)  # what still comes is refused, and not kept for another process
    sock.close()


def finish(sock: Socket) -> None:
    """Send the last FIN of a connection; closing comes next. One whose peer is gone is left as it is."""
    try:  # noqa: SIM105 - suppress() takes 0.3 µs, and every connection comes by here
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def close_listening(sock: socket.socket) -> None:
    """Stop listening, give the port back, and close. Idempotent.

    Another program can have the port from now on, if it binds with ``SO_REUSEADDR`` as servers do.
    """
    with contextlib.suppress(OSError):  # it never listened, is closed, or the system cannot stop listening
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
