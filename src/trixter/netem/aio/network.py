"""Faults under every connection that a block of code opens."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from trixter.errors import SettingError
from trixter.faults import CALM, Dice, Direction, Fault, Faults
from trixter.netem.aio.connect import ProtocolT, connect_link
from trixter.netem.aio.link import Link
from trixter.netem.aio.patch import Patch
from trixter.netem.given import GivenFaults, as_faults

Way = GivenFaults | tuple[GivenFaults, GivenFaults]
"""A fault or several, of both directions; or a pair of that: upstream, downstream."""


class Network:
    """The faults in force, by host and port, and the connections that are open.

    Args:
        ways: ``host:port`` → faults; ``*`` stands for any host, or any port. The most exact counts.
        seed: The root of all luck; connection n draws from its own branch.

    Raises:
        SettingError: If a key is no ``host:port``, or a value no faults.
    """

    def __init__(self, ways: Mapping[str, Way], seed: int | None = None) -> None:
        self._dice = Dice(secrets.randbits(64) if seed is None else seed)
        self._numbers = itertools.count(1)
        self._ways = {_parsed(key): _both(way) for key, way in ways.items()}
        self._links: dict[Link, tuple[set[str], int]] = {}

    def __getitem__(self, key: str) -> tuple[Faults, Faults]:
        """Return what a key has, upstream and downstream."""
        return self._ways[_parsed(key)]

    def __setitem__(self, key: str, way: Way) -> None:
        """Change what a key has: for connections to come, and at once for those that are open."""
        self._ways[_parsed(key)] = _both(way)
        self._spread()

    def __delitem__(self, key: str) -> None:
        """Forget a key; connections that are open fall to the next that fits, or are calm."""
        del self._ways[_parsed(key)]
        self._spread()

    @property
    def connections(self) -> list[Link]:
        """Those that are open, in the order in which they were opened."""
        return list(self._links)

    def reset_all(self) -> None:
        """Reset every connection that is open: the program sees ``ConnectionResetError``."""
        for link in self.connections:
            link.reset()

    def has(self, names: set[str], port: int) -> bool:
        """Say whether a key fits."""
        return self._key(names, port) is not None

    async def connect(
        self,
        create_connection: Callable[..., Any],
        factory: Callable[[], ProtocolT],
        host: str | None,
        port: int | None,
        options: dict[str, Any],
        named: set[str],
        number: int,
    ) -> tuple[asyncio.Transport, ProtocolT]:
        """Do what ``loop.create_connection`` does, with the faults in force for these names and that port."""
        luck = self._dice.branch(f"connection {next(self._numbers)}")

        def remember(link: Link) -> None:
            self._links[link] = (named, number)
            self._apply(link)  # as they are now: they may have changed while it was connecting

        return await connect_link(
            create_connection,
            factory,
            host,
            port,
            {},
            luck,
            options,
            on_made=remember,
            on_lost=self._forget,
        )

    def release(self) -> None:
        """Make every connection that is open calm."""
        self._ways.clear()
        self._spread()

    def _forget(self, link: Link) -> None:
        self._links.pop(link, None)

    def _key(self, names: set[str], port: int) -> tuple[str, int] | None:
        """Return the most exact key: a name and a port, a name, a port, anything."""
        wanted = [(name, its_port) for its_port in (port, 0) for name in sorted(names)]
        return next((key for key in [*wanted, ("*", port), ("*", 0)] if key in self._ways), None)

    def _way(self, names: set[str], port: int) -> tuple[Faults, Faults]:
        key = self._key(names, port)
        return self._ways[key] if key is not None else (CALM, CALM)

    def _spread(self) -> None:
        for link in self.connections:
            self._apply(link)

    def _apply(self, link: Link) -> None:
        if link in self._links:  # what others were told may have ended it
            upstream, downstream = self._way(*self._links[link])
            link.change(Direction.UPSTREAM, upstream)
            link.change(Direction.DOWNSTREAM, downstream)


@asynccontextmanager
async def faulty_network(ways: Mapping[str, Way], *, seed: int | None = None) -> AsyncIterator[Network]:
    """Put faults under every connection that is opened on the running loop while the block runs.

    In the end, everything is as it was: new connections are the loop's own again, and those that are still
    open are calm.

    Args:
        ways: ``host:port`` → a fault or several of both directions, or a pair: upstream, downstream. ``*``
            stands for any host, or any port.
        seed: The root of all luck; by default drawn from entropy.

    Raises:
        SettingError: If a key is no ``host:port``, or a value no faults.
    """
    network = Network(ways, seed)
    patch = Patch.of(asyncio.get_running_loop())
    patch.networks.append(network)
    try:
        yield network
    finally:
        patch.networks.remove(network)
        if not patch.networks:
            patch.undo()
        network.release()


def _parsed(key: str) -> tuple[str, int]:
    """Return a key's host and port, where 0 is any."""
    host, colon, port = key.rpartition(":") if isinstance(key, str) else ("", "", "")
    is_port = port == "*" or (port.isascii() and port.isdigit() and 0 < int(port) < 65536)
    if not colon or not host or not is_port:
        raise SettingError("key", key, 'text such as "db:5432", "db:*" or "*:5432"')
    return host.strip("[]").lower(), 0 if port == "*" else int(port)


def _both(way: Way) -> tuple[Faults, Faults]:
    pair = way if isinstance(way, tuple) and not isinstance(way, Faults) else (way, way)
    if not (len(pair) == 2 and all(isinstance(each, Fault | Faults) for each in pair)):
        raise SettingError("faults", way, "a fault or Faults, or a pair of them: upstream, downstream")
    return as_faults(pair[0]), as_faults(pair[1])
