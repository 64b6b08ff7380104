"""Sharing the loop: a long job stops for breath, and traffic flows meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from trixter.monotonic import monotonic

# How long a job may keep the loop. A byte in transit waits that long at most: short against the 10 ms that
# a listing of 10,000 connections may cost the traffic, and long against the few microseconds that a round
# of an idle loop costs the job. Some 150 connections are listed in one turn, and 60 changed.
TURN_S = 0.001


class Turns:
    """Count the time of a job's turns; ``take`` between two small pieces of it.

    By time and not by number, because the pieces differ: changing the faults of a connection that holds
    megabytes may send them all.

    Args:
        clock: Tells the time, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._over_at = clock() + TURN_S

    async def take(self) -> None:
        """Let everybody else have a turn if this one is over."""
        if self._clock() >= self._over_at:
            await asyncio.sleep(0)
            self._over_at = self._clock() + TURN_S
