"""Splicing: bulk from socket to socket within the kernel."""

from __future__ import annotations

import fcntl
import os
import socket

from trixter.proxy.sockets import Socket

# What the kernel gives an unprivileged process (fs.pipe-max-size). A small pipe is not worth the calls.
PIPE_BYTES = 1024 * 1024

_AT_ONCE = getattr(os, "SPLICE_F_MOVE", 0) | getattr(os, "SPLICE_F_NONBLOCK", 0)


class Splicer:
    """A kernel pipe that all bulk of a loop goes through, page by page, without being copied.

    It is filled and emptied within one callback: so all directions can share it, and when a fault comes
    there is nothing in it that could be lost, repeated or overtaken.

    Raises:
        OSError: If the system has no ``splice``, or no pipe of that size to give.
    """

    def __init__(self) -> None:
        if not hasattr(os, "splice"):
            raise OSError("this system has no splice")
        self._out, self._in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.fcntl(self._in, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:
            self.close()
            raise

    def fill(self, source: Socket) -> int:
        """Take what the source has; return how many bytes, 0 at its end.

        Raises:
            BlockingIOError: If it has nothing now.
            OSError: If it is gone.
        """
        return os.splice(source.fileno(), self._in, PIPE_BYTES, flags=_AT_ONCE)

    def empty(self, sink: Socket, size: int) -> tuple[int, bytes]:
        """Give the sink what was taken; return how much it took, and the rest.

        Args:
            size: As ``fill`` said.

        Raises:
            OSError: If the sink is gone; and so is what was taken.
        """
        passed = 0
        try:
            while passed < size and (
                sent := os.splice(self._out, sink.fileno(), size - passed, flags=_AT_ONCE)
            ):
                passed += sent
        except BlockingIOError:
            pass
        except OSError:
            self._read(size - passed)
            raise
        return passed, self._read(size - passed) if passed < size else b""

    def close(self) -> None:
        """Give the pipe back."""
        for fd in (self._out, self._in):
            os.close(fd)

    def _read(self, size: int) -> bytes:
        """Read exactly what is left."""
        rest = b""
        while len(rest) < size:
            rest += os.read(self._out, size - len(rest))
        return rest


def splicer() -> Splicer | None:
    """Return a new one, or nothing where the system has none to give."""
    try:
        made = Splicer()
    except OSError:
        return None
    try:
        here, there = socket.socketpair()
        with here, there:
            there.send(b"x")
            made.empty(there, made.fill(here))
    except OSError:  # a sandbox may refuse the call, and descriptors may run out
        made.close()
        return None
    return made
