"""Time slices: a long job yields to the loop, so that traffic flows meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from trixter.monotonic import monotonic

# How long a job may keep the loop. A byte in transit waits that long at most: short against the 10 ms that
# a listing of 10,000 connections takes, and long against the few microseconds that an iteration of an idle
# loop costs the job. Some 150 connections are listed in one slice, and 60 changed.
TURN_S = 0.001


class Turns:
    """The time slices of one job, which calls ``take`` between two small pieces of its work.

    They are measured in time and not in pieces, because pieces differ: changing the faults of a connection
    that holds megabytes may send them all.

    Args:
        clock: Returns the time, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._over_at = clock() + TURN_S

    async def take(self) -> None:
        """Yield to the loop if the slice is used up."""
        if self._clock() >= self._over_at:
            await asyncio.sleep(0)
            self._over_at = self._clock() + TURN_S
