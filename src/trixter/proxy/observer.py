"""Somebody who is told of connections, beside the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol, TypeVarTuple

from trixter.proxy.connection import Connection
from trixter.proxy.ending import Ending

Ts = TypeVarTuple("Ts")

log = logging.getLogger("trixter.proxy")


class Observer(Protocol):
    """Hear of a proxy's connections, on its loop and while it happens: be quick, and do not wait.

    What an observer raises is logged, and harms nobody.
    """

    def on_opened(self, connection: Connection) -> None:
        """Its upstream answered. A fault may end it right after that."""

    def on_ended(self, connection: Connection, ending: Ending) -> None:
        """It is over, whether or not it ever opened; its counters can still be read."""


def tell(method: Callable[[*Ts], None], *args: *Ts) -> None:
    """Tell an observer, whatever it makes of it."""
    try:
        method(*args)
    except Exception:
        log.exception("an observer of connections: internal error")
