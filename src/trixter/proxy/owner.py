"""What a pipe tells the connection it belongs to."""

from __future__ import annotations

import logging
from typing import Protocol

from trixter.proxy.ending import Ending
from trixter.proxy.sockets import Socket

log = logging.getLogger("trixter.proxy")


class Owner(Protocol):
    """Hear from a pipe. Any of these may end the connection, and so close the pipe that calls."""

    def on_finished(self, sink: Socket) -> None:
        """All bytes of a direction have left, and EOF is due at its sink."""

    def on_reset(self, sink: Socket) -> None:
        """A reset of the source is due at that sink, as soon as it has taken everything before it."""

    def on_lost(self, sock: Socket, exc: OSError) -> None:
        """A socket of the connection failed: its peer reset it, or is gone."""

    def on_ending(self, ending: Ending) -> None:
        """A fault ends the connection."""

    def on_crash(self, exc: Exception) -> None:
        """Something happened that must not; only this connection ends."""


class Nobody:
    """Own the pipes of connections that have ended."""

    def on_finished(self, sink: Socket) -> None: ...
    def on_reset(self, sink: Socket) -> None: ...
    def on_lost(self, sock: Socket, exc: OSError) -> None: ...
    def on_ending(self, ending: Ending) -> None: ...

    def on_crash(self, exc: Exception) -> None:
        log.error("a connection that is over: internal error", exc_info=exc)
