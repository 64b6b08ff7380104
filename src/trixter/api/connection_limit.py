"""The connection limit: how many clients of the API have a connection, and who makes room for the next."""

from __future__ import annotations

import asyncio
from typing import Protocol

# Each has a descriptor that a proxied connection could have. People and scripts use a handful.
MOST_CONNECTIONS = 64

# At the limit, a client that has sent no whole request for so long makes room for the next. A request fits
# into a packet or two, so an honest client needs milliseconds.
CROWDED_S = 1.0


class Limited(Protocol):
    """One connection, as its limit sees it."""

    @property
    def waiting_since(self) -> float | None:
        """When it began to wait for its client, by the loop's clock; ``None`` while it answers."""

    def give_up(self) -> None:
        """End it now; ``waiting_since`` is ``None`` from now on."""


class ConnectionLimit:
    """Count connections. At the limit, the one that waits longest for its client is given up.

    Args:
        most: As many are allowed.
    """

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self._most = most
        self._connections: set[Limited] = set()
        self._changed = asyncio.Event()

    def add(self, connection: Limited) -> None:
        """Count it from now on."""
        self._connections.add(connection)

    def discard(self, connection: Limited) -> None:
        """Count it no longer. Idempotent."""
        self._connections.discard(connection)
        self._changed.set()

    def on_waiting(self) -> None:
        """Hear that a connection began to wait for its client."""
        self._changed.set()

    async def wait_for_room(self) -> None:
        """Return once there is room for one more; make room if need be."""
        while len(self._connections) >= self._most:
            self._changed.clear()
            try:
                async with asyncio.timeout_at(self._give_up_at()):
                    await self._changed.wait()
            except TimeoutError:
                self._give_up_overdue()

    def _give_up_at(self) -> float | None:
        """Return when the next connection has waited for too long; ``None`` if none waits."""
        waiting = [each.waiting_since for each in self._connections if each.waiting_since is not None]
        return min(waiting) + CROWDED_S if waiting else None

    def _give_up_overdue(self) -> None:
        now = asyncio.get_running_loop().time()
        waiting = [each for each in self._connections if each.waiting_since is not None]
        longest = min(waiting, key=lambda each: each.waiting_since or 0.0, default=None)
        if longest is not None and (longest.waiting_since or 0.0) + CROWDED_S <= now:
            longest.give_up()
