"""One address that is listened on, or kept while nobody listens."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable

from trixter.proxy.address import BACKLOG, bound_socket, text_of
from trixter.proxy.closing import close_listening
from trixter.proxy.poller import Poller
from trixter.proxy.sockets import AS_THE_KERNEL_HAS_THEM, SocketOptions

# Linux: a listening socket that is shut down for reading is bound as before, and may listen again. That is
# how haproxy pauses, too. Elsewhere a socket listens until it is closed.
CAN_STOP_LISTENING = sys.platform == "linux"


class Gate:
    """Listen on a bound socket, stop that, and keep the port meanwhile.

    Args:
        sock: Bound, to a port that was asked for by its number. The gate closes it.
        poller: Watches it.
        options: Of the sockets of connections, which inherit them.
    """

    def __init__(
        self, sock: socket.socket, poller: Poller, options: SocketOptions = AS_THE_KERNEL_HAS_THEM
    ) -> None:
        self.address = sock.getsockname()
        self._sock = sock
        self._family = sock.family
        self._poller = poller
        self._options = options
        self._is_open = False

    def __str__(self) -> str:
        return text_of(self.address)

    def open(self) -> None:
        """Listen; nobody is accepted before ``watch``.

        Raises:
            OSError: If the port belongs to somebody else by now.
        """
        if self._sock.fileno() == -1:  # it was lost when we shut
            self._sock = bound_socket(self._family, self.address)
        # Without it, connections that are left from before would be in the way.
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._options.put_on(self._sock)
        self._sock.listen(BACKLOG)
        self._is_open = True

    def watch(self, on_acceptable: Callable[[socket.socket, int], None]) -> None:
        """Call back, with the socket and its family, whenever somebody waits to be accepted."""
        sock, family = self._sock, int(self._family)
        self._poller.read(sock.fileno(), lambda: on_acceptable(sock, family))

    def rest(self) -> None:
        """Let them wait in the kernel, until ``watch``."""
        self._poller.pause(self._sock.fileno(), _nothing_to_do)

    def shut(self) -> None:
        """Refuse whoever comes, and who waits to be accepted; the port stays ours. Twice is no error."""
        if not self._is_open:
            return
        self._is_open = False
        if CAN_STOP_LISTENING:
            self.rest()
            self._sock.shutdown(socket.SHUT_RD)
            # Of sockets that only are bound, several may share a port, if all of them agree to it.
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        else:
            self.close()
            with contextlib.suppress(OSError):  # somebody was quicker: opening tries again, and tells
                self._sock = bound_socket(self._family, self.address)

    def close(self) -> None:
        """Give the port back."""
        self._is_open = False
        self._poller.forget(self._sock.fileno())
        close_listening(self._sock)

    def abandon(self) -> None:
        """Close the descriptor in the child of a fork; the parent goes on listening."""
        self._sock.close()


def _nothing_to_do() -> None:
    """A socket that does not listen any more hangs up, once; one that does, never."""
