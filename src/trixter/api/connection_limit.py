"""The connection limit of the API: at the limit, a new client takes the place of the longest-waiting one."""

from __future__ import annotations

import asyncio
from typing import Protocol

# Each has a descriptor that a proxied connection could have. Users and scripts need a handful.
MOST_CONNECTIONS = 64

# At the limit, a connection on which no whole request has come for so long is closed for the next client. A
# request fits into a packet or two, so a well-behaved client needs milliseconds.
CROWDED_S = 1.0


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
