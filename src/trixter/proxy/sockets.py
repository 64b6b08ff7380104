"""Socket options, and the calls of sockets that the socket module has not."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import termios
from dataclasses import dataclass, field
from math import ceil

# Linux: data sent with this flag is never joined with what follows it in the send queue, so a slice is a
# segment of its own also while the network is slower than we are (tcp_sendmsg, since 4.7).
MSG_EOR_FLAG = getattr(socket, "MSG_EOR", 0) if hasattr(socket, "TCP_QUICKACK") else 0

_INT = struct.Struct("i")

# One read. Large enough that bulk traffic spends its time copying, not calling; into a buffer that is shared,
# so it costs once.
BUFFER_BYTES = 256 * 1024

# The C type under socket.socket. It does the same without Python code of its own at birth and death: a
# twentieth of what a short connection costs.
Socket = socket.SocketType

# Linux makes a socket non-blocking in the call that makes it. Plain numbers: enums take longer.
_NON_BLOCKING = getattr(socket, "SOCK_NONBLOCK", 0)
SOCK_STREAM = int(socket.SOCK_STREAM)
_NON_BLOCKING_STREAM = SOCK_STREAM | int(_NON_BLOCKING)

_AF_UNIX = int(socket.AF_UNIX)

# What setsockopt takes: a C int, which Linux doubles.
MOST_BUFFER_BYTES = 2**30 - 1

# What Linux takes, and how many probes Go sends.
MOST_KEEPALIVE_S = 32_767
KEEPALIVE_PROBES = 9


@dataclass(frozen=True, slots=True)
class SocketOptions:
    """Options of the sockets of both sides.

    A listening socket hands all of it on to those that it accepts, which saves the calls for each.

    Args:
        buffer_bytes: Send and receive buffers that the kernel is asked for; 0 leaves them as they are. Linux
            doubles it, for its own bookkeeping, and has a least and a most.
        keepalive_s: A peer that was silent for so long is probed, and again after each such time; in whole
            seconds, rounded up. 0 is off.
    """

    buffer_bytes: int = 0
    keepalive_s: float = 0.0
    of_tcp: tuple[tuple[int, int, int], ...] = field(init=False)
    """Level, option and value of each option that only TCP has."""

    def __post_init__(self) -> None:
        # Nagle off: a proxy must not add delays of its own. An urgent byte stays where it is in the stream.
        options = [
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
            (socket.SOL_SOCKET, socket.SO_OOBINLINE, 1),
        ]
        if self.keepalive_s:
            seconds = min(ceil(self.keepalive_s), MOST_KEEPALIVE_S)
            numbers = {"TCP_KEEPIDLE": seconds, "TCP_KEEPINTVL": seconds, "TCP_KEEPCNT": KEEPALIVE_PROBES}
            options += [
                (socket.IPPROTO_TCP, getattr(socket, name), number)
                for name, number in numbers.items()
                if hasattr(socket, name) and not _is_default(getattr(socket, name), number)
            ]
            options.append((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
        # Plain numbers: what the socket module has are enums, which take longer.
        of_tcp = tuple((int(level), int(option), value) for level, option, value in options)
        object.__setattr__(self, "of_tcp", of_tcp)

    def put_on(self, sock: Socket, family: int) -> None:
        """Set them on a socket of that family.

        Raises:
            OSError: If the kernel refuses one.
        """
        if family != _AF_UNIX:
            setsockopt = sock.setsockopt
            for each in self.of_tcp:
                setsockopt(*each)  # the tuple that the call would make of three arguments
        if self.buffer_bytes:
            # Of a listening socket, and only so: the TCP window of a connection follows from it.
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                sock.setsockopt(socket.SOL_SOCKET, option, min(self.buffer_bytes, MOST_BUFFER_BYTES))


def _is_default(option: int, value: int) -> bool:
    """Return whether TCP sockets have that value anyway: a call saved for each connection."""
    try:
        with socket.socket() as sock:
            return sock.getsockopt(socket.IPPROTO_TCP, option) == value
    except OSError:  # no descriptor is left, or no such option
        return False


AS_THE_KERNEL_HAS_THEM = SocketOptions()


def stream_socket(family: int, options: SocketOptions = AS_THE_KERNEL_HAS_THEM) -> Socket:
    """Return a new socket, non-blocking and without delays of its own.

    Args:
        family: Of its address.
        options: What it is asked to be.

    Raises:
        OSError: If no descriptor is left.
    """
    sock = Socket(family, _NON_BLOCKING_STREAM)
    if not _NON_BLOCKING:
        sock.setblocking(False)
    options.put_on(sock, family)
    return sock


def error_of(sock: Socket) -> OSError | None:
    """Return what happened to a socket, if anything did; the kernel tells once."""
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return OSError(number, os.strerror(number)) if number else None


def unsent_bytes(sock: Socket) -> int:
    """Return how much of what was sent the peer's kernel has not acknowledged yet (``SIOCOUTQ``).

    0 where the system does not say, and for a Unix socket, which loses nothing when it is closed.
    """
    if sock.family == socket.AF_UNIX:
        return 0
    try:
        (queued_bytes,) = _INT.unpack(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(_INT.size)))
    except OSError:
        return 0
    return int(queued_bytes)
