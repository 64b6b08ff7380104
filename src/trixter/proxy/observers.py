"""Observers of a proxy's connections; the log is one of them."""

from __future__ import annotations

import logging
from typing import Protocol

from trixter.faults import Direction
from trixter.proxy.connection import Connection
from trixter.proxy.end_reason import CLOSED, PROXY_DOWN, PROXY_STOPPED, EndReason

# The peers ended it, or all of them ended with the proxy. Every other end is one that a peer did not expect:
# an error, as in the Rust original, whose users filter for its reason.
ORDINARY = {CLOSED, PROXY_DOWN, PROXY_STOPPED}

log = logging.getLogger("trixter.proxy")


class Observer(Protocol):
    """Learn of a proxy's connections, on its loop and while it happens: be quick, and do not wait.

    What an observer raises is logged, and changes nothing for the connection or for other observers.
    """

    def on_opened(self, connection: Connection) -> None:
        """Its upstream answered. A fault may end it right after that."""

    def on_ended(self, connection: Connection, end_reason: EndReason) -> None:
        """It is over, whether or not it ever opened; its counters can still be read."""


class LogObserver:
    """Log one line when a connection opens, and one when it ends."""

    def on_opened(self, connection: Connection) -> None:
        """Log the client and the upstream."""
        if log.isEnabledFor(logging.INFO):
            fields = _identity(connection)
            log.info("connection %(connection)s opened: %(client)s → %(upstream)s", fields, extra=fields)

    def on_ended(self, connection: Connection, end_reason: EndReason) -> None:
        """Say how it ended, how long it lasted, and what passed."""
        level = level_of(end_reason)
        if not log.isEnabledFor(level):
            return
        fields = _identity(connection) | {
            "bytes_upstream": connection.forwarded_bytes(Direction.UPSTREAM),
            "bytes_downstream": connection.forwarded_bytes(Direction.DOWNSTREAM),
            "duration_s": round(connection.age_s, 6),
            "reason": end_reason.reason,
            "detail": end_reason.detail,
        }
        text = (
            "connection %(connection)s ended: %(end_reason)s; %(client)s → %(upstream)s, "
            "%(bytes_upstream)d B up, %(bytes_downstream)d B down, %(duration_s).3f s"
        )
        log.log(level, text, fields | {"end_reason": str(end_reason)}, extra=fields)


def level_of(end_reason: EndReason) -> int:
    """Return the level at which an end is logged."""
    return logging.INFO if end_reason.reason in ORDINARY else logging.ERROR


def log_failure() -> None:
    """Log what an observer raised, where it is caught."""
    log.exception("an observer of connections: internal error")


def _identity(connection: Connection) -> dict[str, object]:
    return {"connection": connection.id, "client": connection.client, "upstream": connection.upstream}
