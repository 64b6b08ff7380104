"""End reasons: how connections end."""

from __future__ import annotations

from dataclasses import dataclass

CLOSED = "closed"
RESET_BY_CLIENT = "reset by client"
RESET_BY_UPSTREAM = "reset by upstream"
UPSTREAM_UNREACHABLE = "upstream unreachable"
OUT_OF_DESCRIPTORS = "out of descriptors"
CONNECT_TIMEOUT = "connect timeout"
IDLE_TIMEOUT = "idle timeout"
DURATION = "duration"
SHUTDOWN = "shutdown"
RESET = "reset"
PROXY_DOWN = "proxy down"
PROXY_STOPPED = "proxy stopped"
INTERNAL_ERROR = "internal error"


@dataclass(frozen=True, slots=True)
class EndReason:
    """The reason of a connection's end. Each connection has exactly one.

    Args:
        reason: One of a few: those of this module, and those of faults (``terminated``).
        detail: Details of this end, such as the reason given with a shutdown.
        reset: Whether both peers get RST; otherwise they see an ordinary end.
    """

    reason: str
    detail: str = ""
    reset: bool = False

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason
