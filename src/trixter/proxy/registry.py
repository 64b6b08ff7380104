"""The registry of connections: the live ones, and how the others ended."""

from __future__ import annotations

from collections import Counter
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
        self._ended: dict[str, int] = {}  # and no Counter, which takes five times as long for each
        self._upstream_bytes = self._downstream_bytes = 0  # of those that are over
        self._dialling: dict[str, Connection] = {}
        self._open: dict[str, Connection] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Connection]:
        # Over a copy: a change of settings may end the connection at hand.
        return iter(list(self._open.values()))

    @property
    def ended(self) -> Counter[str]:
        """How those that are over ended: reason → how many."""
        return Counter(self._ended)

    def get(self, id: str) -> Connection | None:
        """Return the open connection of that id, or ``None``."""
        return self._open.get(id)

    def find(self, id: str) -> Connection | None:
        """Return the connection of that id that is open or dialling, or ``None``."""
        return self._open.get(id) or self._dialling.get(id)

    @property
    def dialling(self) -> list[Connection]:
        """Connections whose upstream has not answered yet, oldest first."""
        return list(self._dialling.values())

    def all(self) -> list[Connection]:
        """Return every connection that has not ended, also those that are dialling."""
        return [*self._dialling.values(), *self._open.values()]

    def forwarded_bytes(self, direction: Direction) -> int:
        """Return how many bytes have passed in that direction, also of connections that are over."""
        ended_bytes = self._upstream_bytes if direction is Direction.UPSTREAM else self._downstream_bytes
        return ended_bytes + sum(each.forwarded_bytes(direction) for each in self._open.values())

    def accept(self, connection: Connection) -> None:
        """Take in a new connection."""
        self.accepted += 1
        self._dialling[connection.id] = connection

    def open(self, connection: Connection) -> None:
        """Note that its upstream answered."""
        del self._dialling[connection.id]
        self._open[connection.id] = connection

    def end(self, connection: Connection, reason: str) -> None:
        """Note that it is over."""
        self._ended[reason] = self._ended.get(reason, 0) + 1
        if self._open.pop(connection.id, None) is None:
            self._dialling.pop(connection.id, None)
        if connection.pipes is not None:
            upstream, downstream = connection.pipes
            self._upstream_bytes += upstream.forwarded_bytes
            self._downstream_bytes += downstream.forwarded_bytes
