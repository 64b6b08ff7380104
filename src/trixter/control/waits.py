"""Waiting for a condition, instead of sleeping and hoping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from trixter.control.plans import Asking
from trixter.control.states import ConnectionState, Stats
from trixter.control.steps import ReadConnections, ReadProxy, Step, WaitForNews
from trixter.errors import WaitTimeout
from trixter.faults.validators import require_seconds

T = TypeVar("T")

Look = Callable[[], Asking[Step[Any], T | None]]
"""Plans one look; it returns what was looked for, or ``None``."""


def connection(timeout_s: float) -> Asking[Step[Any], ConnectionState]:
    """Plan to wait until there is a live connection; return the oldest."""
    return _wait(_look_for_a_connection, "a live connection", timeout_s)


def no_connections(timeout_s: float) -> Asking[Step[Any], Stats]:
    """Plan to wait until no connection is open, and none waits for its upstream."""
    return stats(
        lambda now: now.connections_open + now.connections_dialling == 0,
        timeout_s,
        "no connection to be open or dialling",
    )


def stats(
    condition: Callable[[Stats], object],
    timeout_s: float,
    wanted: str = "counters that meet the condition",
) -> Asking[Step[Any], Stats]:
    """Plan to wait until the counters meet a condition; return them."""

    def look() -> Asking[Step[Any], Stats | None]:
        now = (yield from ReadProxy()).stats
        return now if condition(now) else None

    return _wait(look, wanted, timeout_s)


def _look_for_a_connection() -> Asking[Step[Any], ConnectionState | None]:
    connections = yield from ReadConnections()
    return connections[0] if connections else None


def _wait(look: Look[T], wanted: str, timeout_s: float) -> Asking[Step[Any], T]:
    require_seconds("timeout_s", timeout_s)
    return _look_until(look, wanted, timeout_s)


def _look_until(look: Look[T], wanted: str, timeout_s: float) -> Asking[Step[Any], T]:
    news = yield from WaitForNews()
    over_at_s = news.time_s + timeout_s
    while True:
        found = yield from look()  # also when the time is up: what has come by then has come in time
        if found is not None:
            return found
        if news.time_s >= over_at_s:
            seen = (yield from ReadProxy()).stats
            raise WaitTimeout(wanted, timeout_s, f"so far: {seen}")
        news = yield from WaitForNews(since=news, timeout_s=over_at_s - news.time_s)
