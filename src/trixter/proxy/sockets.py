"""Socket options, and the ways a socket can end."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
import termios
import threading
from typing import Any

from trixter.monotonic import monotonic, realtime
from trixter.proxy.system_clock import SystemClock

# Linux: data sent with this flag is never joined with what follows it in the send queue, so a slice is a
# segment of its own also while the network is slower than we are (tcp_sendmsg, since 4.7).
OWN_SEGMENT = getattr(socket, "MSG_EOR", 0) if hasattr(socket, "TCP_QUICKACK") else 0

_LINGER_ZERO = struct.pack("ii", 1, 0)
_INT = struct.Struct("i")

# What is thrown away, at most, so that an ordinary close sends FIN. More than a peer has usually sent
# before it learns that nobody reads.
DRAIN_BYTES = 1024 * 1024

# One read. Large enough that bulk traffic spends its time copying, not calling; into a buffer that is shared,
# so it costs once.
BUFFER_BYTES = 256 * 1024

WASTE_BYTES = 64 * 1024

# The C type under socket.socket. It does the same without Python code of its own at birth and death: a
# twentieth of what a short connection costs.
Socket = socket.SocketType

# Linux makes a socket non-blocking in the call that makes it.
_NON_BLOCKING = getattr(socket, "SOCK_NONBLOCK", 0)

# Linux: ask for the time of arrival, of the clock that time.time() reads; also the kind of note it comes in.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("ll")
_STAMP_BYTES = 64  # room for one note
_system_clock = SystemClock()
_stamping_fds: list[int] = []  # at most one, see _keep_stamps_on
_stamps_lock = threading.Lock()

# What setsockopt takes: a C int, which Linux doubles.
MOST_BUFFER_BYTES = 2**30 - 1

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


def stream_socket(family: int, buffer_bytes: int = 0) -> Socket:
    """Return a new socket, non-blocking and without delays of its own.

    Args:
        family: Of its address.
        buffer_bytes: As ``limit_buffers`` takes it.

    Raises:
        OSError: If no descriptor is left.
    """
    sock = Socket(family, socket.SOCK_STREAM | _NON_BLOCKING)
    if not _NON_BLOCKING:
        sock.setblocking(False)
    send_at_once(sock)
    if buffer_bytes:
        limit_buffers(sock, buffer_bytes)
    return sock


def send_at_once(sock: Socket) -> None:
    """Switch Nagle's algorithm off: a proxy must not add delays of its own."""
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def limit_buffers(sock: Socket, buffer_bytes: int) -> None:
    """Ask the kernel for send and receive buffers of that size; 0 leaves them as the kernel has them.

    Linux doubles it, for its own bookkeeping, and has a least and a most. A listening socket hands its own on
    to those that it accepts, and only so does the TCP window of a connection follow from it.
    """
    if buffer_bytes:
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, buffer_bytes)


def stamp_arrivals(sock: Socket) -> None:
    """Have the kernel note when bytes arrive, for ``recv_stamped``, where it can.

    The first call in a process also opens a socket for it, and keeps that.
    """
    _keep_stamps_on()
    _system_clock.compare(monotonic(), realtime(), monotonic())
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def recv_stamped(sock: Socket, buffer: memoryview) -> tuple[int, float]:
    """Receive as ``recv_into`` does; return how much, and how many seconds ago the last of it had arrived.

    That is earlier than now by what it took to wake us up and get round to it. It is 0.0 where the kernel did
    not say, and where the system's clock was set meanwhile.

    Raises:
        OSError: As ``recv_into`` does.
    """
    size, notes, _, _ = sock.recvmsg_into([buffer], _STAMP_BYTES)
    for level, kind, note in notes:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack_from(note)
            return size, _system_clock.age_s(
                seconds + nanoseconds / 1e9,
                before=monotonic(),
                wall=realtime(),  # the clock that the kernel stamps by
                after=monotonic(),
            )
    return size, 0.0


def _keep_stamps_on() -> None:
    """Keep the kernel stamping from the first call on.

    Linux stamps while any socket of the machine wants it, and switches that on a moment after the first one
    asks. What arrives in that moment has no stamp: 44 of 300 messages sent right after the option, where no
    other socket had it; none where one had.
    """
    with _stamps_lock, contextlib.suppress(OSError):  # no descriptor left: the next call tries again
        if not _stamping_fds:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                _stamping_fds.append(sock.detach())  # open until the process ends


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
