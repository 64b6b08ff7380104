"""The listener: it accepts connections, whatever happens."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable

from trixter.addresses import SocketAddress, text_of
from trixter.errors import OUT_OF_RESOURCES, bind_error
from trixter.proxy.clock import Timer
from trixter.proxy.listen_socket import ListenSocket
from trixter.proxy.loop import LoopContext
from trixter.proxy.sockets import AS_THE_KERNEL_HAS_THEM, SOCK_STREAM, Socket, SocketOptions

log = logging.getLogger("trixter.proxy")

# Accepted before the loop sees to the connections there are.
ACCEPTS_PER_WAKE = 32

ALMOST_FULL = "Too many open files (the last ones are left to the API and the log)"

# How long to leave the queue alone when there is no descriptor for a connection. They wait in the kernel.
PAUSE_S = 0.1


class Listener:
    """Accept on bound sockets; hand each connection on, non-blocking.

    Before the descriptor table is full, accepting pauses with one warning: what is left is for others, and no
    client is accepted for whose upstream there is no descriptor. It goes on by itself when there is room.

    Args:
        sockets: Bound; this listens on them, or only keeps their ports, and closes them.
        context: The loop, its clock, and how full the descriptor table is.
        on_accepted: Gets the socket and the peer's address.
        options: Of the accepted sockets.
    """

    def __init__(
        self,
        sockets: list[socket.socket],
        context: LoopContext,
        on_accepted: Callable[[Socket, SocketAddress], None],
        options: SocketOptions = AS_THE_KERNEL_HAS_THEM,
    ) -> None:
        self._listening = [ListenSocket(sock, context.poller, options) for sock in sockets]
        self._descriptors = context.descriptors
        self._context = context
        self._on_accepted = on_accepted
        self._is_open = False
        self._pause: Timer | None = None
        self._is_short = False  # of descriptors, and said so

    def start(self) -> None:
        """Begin to accept, also after ``shut``: on all addresses or, if it fails, on none.

        Raises:
            BindError: If another program listens there by now.
        """
        if self._is_open:
            return
        for each in self._listening:
            try:
                each.listen()
            except OSError as exc:
                self.shut()
                raise bind_error(str(each), exc) from exc
        self._is_open = True
        self._watch()

    def shut(self) -> None:
        """Refuse connections, and keep the port. Idempotent."""
        self._is_open = False
        self._end_pause()
        for each in self._listening:
            each.unlisten()

    def close(self) -> None:
        """Stop accepting, and give the port back. Idempotent."""
        self._is_open = False
        self._end_pause()
        for each in self._listening:
            each.close()
        self._listening = []

    def abandon(self) -> None:
        """Close the descriptors in the child of a fork; the parent goes on listening."""
        for each in self._listening:
            each.abandon()

    def _watch(self) -> None:
        self._pause = None
        for each in self._listening:
            each.accept_with(self._on_acceptable)

    def _end_pause(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def _on_acceptable(self, listening: Socket, family: int) -> None:
        descriptors = self._descriptors
        for _ in range(ACCEPTS_PER_WAKE):
            if self._pause is not None or not self._is_open:
                return  # the one before found no room for its upstream, or stopped listening
            if descriptors.is_tight and not descriptors.has_room(listening.fileno()):
                self.rest(ALMOST_FULL)
                return
            try:
                fd, peer = listening._accept()  # type: ignore[attr-defined]  # what socket.accept calls
                client = Socket(family, SOCK_STREAM, 0, fd)
                client.setblocking(False)
            except BlockingIOError:
                self._end_shortage()
                return
            except OSError as exc:
                if exc.errno in OUT_OF_RESOURCES:
                    self.rest(exc.strerror or str(exc))
                    return
                log.debug("a connection was gone before it was accepted: %s", exc)
                continue
            descriptors.note(fd)
            try:
                self._on_accepted(client, peer)
            except Exception:
                log.exception("connection from %s: internal error", text_of(peer))
                client.close()

    def _end_shortage(self) -> None:
        """Say that a shortage is over: there is room, and no client waits in the kernel any more."""
        if self._is_short:
            self._is_short = False
            log.warning("accepting connections again")

    def rest(self, why: str) -> None:
        """Leave the queue alone for a moment: there is no room for a connection."""
        if not self._is_open:
            return
        self._descriptors.is_tight = True
        if not self._is_short:
            self._is_short = True
            here = ", ".join(map(str, self._listening))
            log.warning("cannot accept on %s: %s; trying again", here, why)
        for each in self._listening:
            each.pause()
        if self._pause is None:
            clock = self._context.clock
            self._pause = clock.call_at(clock.time() + PAUSE_S, self._watch)
