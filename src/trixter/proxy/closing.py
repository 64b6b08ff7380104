"""Closing sockets so that their peers notice, by FIN or by RST, and not before they have what was sent.

``close()`` alone ends nothing while the child of a fork has the same socket; these tell the peer first.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import socket
import struct
import sys
from collections.abc import Callable

from trixter.proxy.end_reason import EndReason
from trixter.proxy.sockets import Socket

# What is thrown away, at most, so that an ordinary close sends FIN. More than a peer has usually sent
# before it learns that the proxy does not read any more.
DRAIN_BYTES = 1024 * 1024

DRAIN_CHUNK_BYTES = 64 * 1024

_LINGER_ZERO = struct.pack("ii", 1, 0)

# An address of the family AF_UNSPEC, as long as the longest that connect(2) looks at.
_NO_ADDRESS = bytes(28)

# Linux: connecting to no address takes a TCP connection apart at once, as closing with SO_LINGER 0 does, but
# whatever number of descriptors stand for it. The socket module has no such address.
_connect = ctypes.CDLL(None, use_errno=True).connect if sys.platform == "linux" else None


def close_as(sock: Socket, end_reason: EndReason) -> None:
    """Close so that the peer sees the end that a connection had."""
    if end_reason.reset:
        close_with_reset(sock)
    else:
        close_with_fin(sock)


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


def close_with_fin(sock: Socket) -> None:
    """Close so that the peer sees an ordinary end: FIN.

    The kernel sends RST instead if there is something unread, so that is read first and thrown away.
    """
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        for _ in range(DRAIN_BYTES // DRAIN_CHUNK_BYTES):
            if not sock.recv(DRAIN_CHUNK_BYTES):
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


# The kernel tells of room in a send queue, but not of an empty one; so we ask. A peer on a quick network has
# acknowledged at once, or after the 40 ms of a delayed ACK.
SOONEST_S = 0.0005
LATEST_S = 0.05

# A peer that takes nothing for so long loses what it has not taken, as it would if the RST had come from a
# sender that does not wait. Its kernel acknowledges in steps: on loopback, with buffers of usual size, one
# that reads 5 KB/s seems to take nothing for 26 s.
GIVE_UP_S = 60.0


class Linger:
    """Call back once a reset is due and nothing before it is unsent, or once its peer takes nothing any more.

    Time counts only while the peer could take something, and not while faults hold it back. It goes by the
    loop's timers, and not by the clock of the faults: this is the kernel's time.

    Args:
        loop: Wakes it.
        unsent_bytes: Tells how much has left the faults that the peer does not have yet.
        forwarded_bytes: Tells how much has ever left for the peer's kernel.
        on_over: Called once; never if it is cancelled.
    """

    __slots__ = (
        "_delay_s",
        "_forwarded_bytes",
        "_handle",
        "_is_due",
        "_loop",
        "_on_over",
        "_quiet_s",
        "_seen",
        "_unsent_bytes",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        unsent_bytes: Callable[[], int],
        forwarded_bytes: Callable[[], int],
        on_over: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._unsent_bytes = unsent_bytes
        self._forwarded_bytes = forwarded_bytes
        self._on_over = on_over
        self._is_due = False
        self._delay_s = SOONEST_S
        self._quiet_s = 0.0  # since something was taken, or since there was nothing to take
        self._seen = (0, 0)  # unsent and passed, when last asked
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to watch whether the peer takes anything."""
        self._seen = self._unsent_bytes(), self._forwarded_bytes()
        self._handle = self._loop.call_later(self._delay_s, self._ask)

    def reset_is_due(self) -> None:
        """Note that the reset comes next; where nothing is unsent, this calls back before it returns."""
        self._is_due = True
        self.cancel()
        self._delay_s = SOONEST_S
        self._wait_or_end()

    def cancel(self) -> None:
        """Ask no more. Idempotent."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _ask(self) -> None:
        self._handle = None
        seen = self._unsent_bytes(), self._forwarded_bytes()
        # What passes on goes from one queue into the next: both stand still only if the peer takes nothing.
        if seen[0] and seen == self._seen:
            self._quiet_s += self._delay_s
        else:
            self._quiet_s = 0.0
        self._seen = seen
        self._delay_s = min(2 * self._delay_s, LATEST_S)
        self._wait_or_end()

    def _wait_or_end(self) -> None:
        if self._quiet_s >= GIVE_UP_S or (self._is_due and not self._unsent_bytes()):
            self._on_over()
        else:
            self._handle = self._loop.call_later(self._delay_s, self._ask)
