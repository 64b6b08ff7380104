"""The registry of connections: the live ones, and how the others ended."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from trixter.faults import Direction
from trixter.proxy.connection import Connection


class Registry:
    """Keep the live connections, oldest first, and count the rest.

    A connection is dialling from when it was accepted, then open (the upstream answered), then ended. Only
    open ones are listed.
    """

    def __init__(self) -> None:
        self.accepted = 0
        """Connections accepted so far."""
        self._ended: defaultdict[str, int] = defaultdict(int)  # a Counter takes five times as long for each
        self._upstream_bytes = self._downstream_bytes = 0  # of those that are over
        self._live: dict[str, Connection] = {}

    def __len__(self) -> int:
        # Counted when it is asked for, a few times a second, and not for each connection that opens and ends.
        return sum(each.pipes is not None for each in self._live.values())

    def __iter__(self) -> Iterator[Connection]:
        # Over a copy: a change of settings may end the connection at hand.
        return iter([each for each in self._live.values() if each.pipes is not None])

    @property
    def ended(self) -> Counter[str]:
        """How those that are over ended: reason → how many."""
        return Counter(self._ended)

    def get(self, id: str) -> Connection | None:
        """Return the open connection of that id, or ``None``."""
        connection = self._live.get(id)
        return connection if connection is not None and connection.is_open else None

    def find(self, id: str) -> Connection | None:
        """Return the connection of that id that is open or dialling, or ``None``."""
        return self._live.get(id)

    @property
    def dialling(self) -> list[Connection]:
        """Connections whose upstream has not answered yet, oldest first."""
        return [each for each in self._live.values() if each.pipes is None]

    def all(self) -> list[Connection]:
        """Return every connection that has not ended, also those that are dialling."""
        return list(self._live.values())

    def forwarded_bytes(self, direction: Direction) -> int:
        """Return how many bytes have passed in that direction, also of connections that are over."""
        ended_bytes = self._upstream_bytes if direction is Direction.UPSTREAM else self._downstream_bytes
        return ended_bytes + sum(each.forwarded_bytes(direction) for each in self._live.values())

    def accept(self, connection: Connection) -> None:
        """Take in a new connection."""
        self.accepted += 1
        self._live[connection.id] = connection

    def end(self, connection: Connection, reason: str) -> None:
        """Note that it is over."""
        self._ended[reason] += 1
        del self._live[connection.id]
        if connection.pipes is not None:
            upstream, downstream = connection.pipes
            self._upstream_bytes += upstream.forwarded_bytes
            self._downstream_bytes += downstream.forwarded_bytes
