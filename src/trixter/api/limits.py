"""Limits on what clients of the API can take: connections, and lines of the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from trixter.monotonic import monotonic

# Each has a descriptor that a proxied connection could have. Users and scripts need a handful.
MOST_CONNECTIONS = 64

# At the limit, a connection on which no whole request has come for so long is closed for the next client. A
# request fits into a packet or two, so a well-behaved client needs milliseconds.
CROWDED_S = 1.0

# One line a second shows that refusals go on; a flood of lines would cost CPU time and hide other lines.
INTERVAL_S = 1.0


class Limited(Protocol):
    """A connection, as far as the limit needs it."""

    @property
    def waiting_since(self) -> float | None:
        """When it began to wait for its client, by the loop's clock; ``None`` while it answers."""

    def give_up(self) -> None:
        """Abort the connection; ``waiting_since`` is ``None`` from now on."""


class ConnectionLimit:
    """A counter of connections. At the limit, it aborts the one that has waited longest for its client.

    Args:
        most: How many are allowed.
    """

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self._most = most
        self._connections: set[Limited] = set()
        self._changed = asyncio.Event()

    def add(self, connection: Limited) -> None:
        """Count a connection from now on."""
        self._connections.add(connection)

    def discard(self, connection: Limited) -> None:
        """Count a connection no longer. Idempotent."""
        self._connections.discard(connection)
        self._changed.set()

    def on_waiting(self) -> None:
        """Called when a connection begins to wait for its client."""
        self._changed.set()

    async def wait_for_room(self) -> None:
        """Return as soon as one more connection is allowed; abort one if the limit stays reached."""
        while len(self._connections) >= self._most:
            self._changed.clear()
            try:
                async with asyncio.timeout_at(self._give_up_at()):
                    await self._changed.wait()
            except TimeoutError:
                self._give_up_overdue()

    def _give_up_at(self) -> float | None:
        """Return the time at which the next connection will have waited too long; ``None`` if none waits."""
        waiting = [each.waiting_since for each in self._connections if each.waiting_since is not None]
        return min(waiting) + CROWDED_S if waiting else None

    def _give_up_overdue(self) -> None:
        now = asyncio.get_running_loop().time()
        waiting = [each for each in self._connections if each.waiting_since is not None]
        longest = min(waiting, key=lambda each: each.waiting_since or 0.0, default=None)
        if longest is not None and (longest.waiting_since or 0.0) + CROWDED_S <= now:
            longest.give_up()


class RefusalLog:
    """Log at most one refusal per interval, as a warning, with the number of those left out.

    A caller without a token can cause them.

    Args:
        logger: Gets the warnings.
        clock: Returns the time, in seconds.
    """

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._next_at: float | None = None
        self._left_out = 0

    def warn(self, text: str, *args: object) -> bool:
        """Log a refusal, or count it; return whether it was logged."""
        now = self._clock()
        if self._next_at is not None and now < self._next_at:
            self._left_out += 1
            return False
        self._next_at = now + INTERVAL_S
        if self._left_out:
            text, args = f"{text} (%d more were refused since the last such line)", (*args, self._left_out)
            self._left_out = 0
        self._logger.warning(text, *args)
        return True
