"""What the log says about connections: one line when one opens, and one when it ends."""

from __future__ import annotations

import logging

from trixter.faults import Direction
from trixter.proxy.connection import Connection
from trixter.proxy.ending import CLOSED, PROXY_DOWN, PROXY_STOPPED, Ending

# The peers ended it, or all of them ended with the proxy. Every other end is one that a peer did not expect:
# an error, as in the Rust original, whose users filter for its reason.
ORDINARY = {CLOSED, PROXY_DOWN, PROXY_STOPPED}

log = logging.getLogger("trixter.proxy")


def report_opened(connection: Connection) -> None:
    """Say who is connected to what."""
    if log.isEnabledFor(logging.INFO):
        fields = _identity(connection)
        log.info("connection %(connection)s opened: %(client)s → %(upstream)s", fields, extra=fields)


def report_ended(connection: Connection, ending: Ending) -> None:
    """Say how it ended, how long it lasted, and what passed."""
    level = logging.INFO if ending.reason in ORDINARY else logging.ERROR
    if not log.isEnabledFor(level):
        return
    fields = _identity(connection) | {
        "bytes_upstream": connection.passed_bytes(Direction.UPSTREAM),
        "bytes_downstream": connection.passed_bytes(Direction.DOWNSTREAM),
        "duration_s": round(connection.age_s, 6),
        "reason": ending.reason,
        "detail": ending.detail,
    }
    text = (
        "connection %(connection)s ended: %(ending)s; %(client)s → %(upstream)s, "
        "%(bytes_upstream)d B up, %(bytes_downstream)d B down, %(duration_s).3f s"
    )
    log.log(level, text, fields | {"ending": str(ending)}, extra=fields)


def _identity(connection: Connection) -> dict[str, object]:
    return {"connection": connection.id, "client": connection.client, "upstream": connection.upstream}
