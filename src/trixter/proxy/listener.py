"""Accepting connections, whatever happens."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any

from trixter.errors import BindError
from trixter.proxy.address import SocketAddress, text_of, words_of
from trixter.proxy.clock import Timer
from trixter.proxy.gate import Gate
from trixter.proxy.reactor import Reactor
from trixter.proxy.sockets import OUT_OF_RESOURCES, Socket, accept

log = logging.getLogger("trixter.proxy")

# Accepted before the loop sees to the connections there are.
ACCEPTS_PER_WAKE = 32

# How long to leave the queue alone when there is no descriptor for a connection. They wait in the kernel.
PAUSE_S = 0.1


class Listener:
    """Accept on bound sockets; hand each connection on, non-blocking.

    A full descriptor table pauses accepting, with one warning; it goes on by itself when there is room.

    Args:
        sockets: Bound; this listens on them, or only keeps their ports, and closes them.
        reactor: The loop and its clock.
        on_accepted: Gets the socket and the peer's address.
        buffer_bytes: Of the accepted sockets, as ``limit_buffers`` takes it.
    """

    def __init__(
        self,
        sockets: list[socket.socket],
        reactor: Reactor,
        on_accepted: Callable[[Socket, SocketAddress], None],
        buffer_bytes: int = 0,
    ) -> None:
        self._gates = [Gate(sock, reactor.poller, buffer_bytes) for sock in sockets]
        self._reactor = reactor
        self._on_accepted = on_accepted
        self._is_open = False
        self._pause: Timer | None = None
        self._is_short = False  # of descriptors, and said so

    def start(self) -> None:
        """Begin to accept, also after ``shut``: on all addresses or, if it fails, on none.

        Raises:
            BindError: If somebody else listens there by now.
        """
        if self._is_open:
            return
        for gate in self._gates:
            try:
                gate.open()
            except OSError as exc:
                self.shut()
                raise BindError(str(gate), words_of(exc)) from exc
        self._is_open = True
        self._watch()

    def shut(self) -> None:
        """Refuse everybody, and keep the port. Twice is no error."""
        self._is_open = False
        self._end_pause()
        for gate in self._gates:
            gate.shut()

    def close(self) -> None:
        """Stop accepting, and give the port back. Twice is no error."""
        self._is_open = False
        self._end_pause()
        for gate in self._gates:
            gate.close()
        self._gates = []

    def _watch(self) -> None:
        self._pause = None
        for gate in self._gates:
            gate.watch(self._on_acceptable)

    def _end_pause(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def _on_acceptable(self, listening: Socket, family: int) -> None:
        for _ in range(ACCEPTS_PER_WAKE):
            if self._pause is not None or not self._is_open:
                return  # the one before found no room for its upstream, or shut the door
            try:
                client, peer = accept(listening, family)
            except BlockingIOError:
                return
            except OSError as exc:
                if exc.errno in OUT_OF_RESOURCES:
                    self.rest(exc.strerror or str(exc))
                    return
                log.debug("a connection was gone before it was accepted: %s", exc)
                continue
            if self._is_short:
                self._is_short = False
                log.warning("accepting connections again")
            self._hand_on(client, peer)

    def _hand_on(self, client: Socket, peer: Any) -> None:
        try:
            self._on_accepted(client, peer)
        except Exception:
            log.exception("connection from %s: internal error", text_of(peer))
            client.close()

    def rest(self, why: str) -> None:
        """Leave the queue alone for a moment: there is no room for a connection."""
        if not self._is_open:
            return
        if not self._is_short:
            self._is_short = True
            here = ", ".join(map(str, self._gates))
            log.warning("cannot accept on %s: %s; trying again", here, why)
        for gate in self._gates:
            gate.rest()
        if self._pause is None:
            clock = self._reactor.clock
            self._pause = clock.call_at(clock.time() + PAUSE_S, self._watch)
