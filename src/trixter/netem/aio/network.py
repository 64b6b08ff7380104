"""Faults under every connection that a block of code opens."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import warnings
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from trixter.faults import CALM, Dice, Direction, Faults
from trixter.netem.aio import destinations
from trixter.netem.aio.connect import ProtocolT, connect_link
from trixter.netem.aio.destinations import Destinations, Key, UnmatchedKeyWarning, is_name, parsed
from trixter.netem.aio.link import Link
from trixter.netem.aio.patch import Patch
from trixter.netem.given import GivenPair, as_pair


class Network:
    """The faults in force, by host and port, and the connections that are open.

    Args:
        ways: ``host:port`` → faults; ``*`` stands for any host, or any port. The most exact counts.
        seed: The root of all luck; connection n draws from its own branch.

    Raises:
        SettingError: If a key is no ``host:port``, or a value no faults.
    """

    def __init__(self, ways: Mapping[str, GivenPair], seed: int | None = None) -> None:
        self._dice = Dice(secrets.randbits(64) if seed is None else seed)
        self._numbers = itertools.count(1)
        self._ways = {parsed(key): as_pair(way) for key, way in ways.items()}
        self._links: dict[Link, tuple[tuple[str, ...], int]] = {}
        self._destinations = Destinations()
        self._faulty = {key: None for key, way in self._ways.items() if any(way)}  # at some time, in order
        self._lookups: set[asyncio.Future[list[str]]] = set()

    def __getitem__(self, key: str) -> tuple[Faults, Faults]:
        """Return what a key has, upstream and downstream."""
        return self._ways[parsed(key)]

    def __setitem__(self, key: str, way: GivenPair) -> None:
        """Change what a key has: for connections to come, and at once for those that are open.

        The host of a new key is looked up meanwhile, and counts for addresses as soon as it is found.
        """
        parts = parsed(key)
        is_new = parts not in self._ways
        self._ways[parts] = as_pair(way)
        if any(self._ways[parts]):
            self._faulty[parts] = None
        if is_new:
            self._look_up(parts[0])
        self._spread()

    def __delitem__(self, key: str) -> None:
        """Forget a key; connections that are open fall to the next that fits, or are calm."""
        parts = parsed(key)
        del self._ways[parts]
        self._faulty.pop(parts, None)
        self._destinations.forget(parts)
        self._spread()

    @property
    def connections(self) -> list[Link]:
        """Those that are open, in the order in which they were opened."""
        return list(self._links)

    def reset_all(self) -> None:
        """Reset every connection that is open: the program sees ``ConnectionResetError``."""
        for link in self.connections:
            link.reset()

    def meet(self, names: tuple[str, ...], port: int) -> bool:
        """Note that a connection is opened there, and say whether a key fits."""
        self._destinations.see(names, port)
        return bool(self._fitting(names, port))

    async def look_up(self) -> None:
        """Look up the hosts of the keys, for clients with a resolver of their own; for a while at most."""
        for host in sorted({host for host, _ in self._ways}):
            self._look_up(host)
        if self._lookups:
            await asyncio.wait(set(self._lookups), timeout=destinations.LOOKUP_TIMEOUT_S)

    def unmatched(self) -> list[str]:
        """Return a sentence for each key that had faults, and met no connection."""
        return self._destinations.warnings(self._faulty)

    async def connect(
        self,
        create_connection: Callable[..., Any],
        factory: Callable[[], ProtocolT],
        host: str | None,
        port: int | None,
        options: dict[str, Any],
        named: tuple[str, ...],
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

    def _look_up(self, host: str) -> None:
        if not is_name(host):
            return

        def learn(found: asyncio.Future[list[str]]) -> None:
            self._lookups.discard(found)
            if not found.cancelled():
                self._destinations.learn(host, found.result())
                self._spread()

        lookup = destinations.look_up(host)
        self._lookups.add(lookup)
        lookup.add_done_callback(learn)

    def _fitting(self, names: tuple[str, ...], port: int) -> list[Key]:
        return self._destinations.fitting(names, port, self._ways)

    def _way(self, names: tuple[str, ...], port: int) -> tuple[Faults, Faults]:
        keys = self._fitting(names, port)
        return self._ways[keys[0]] if keys else (CALM, CALM)

    def _spread(self) -> None:
        for link in self.connections:
            self._apply(link)

    def _apply(self, link: Link) -> None:
        if link in self._links:  # what others were told may have ended it
            upstream, downstream = self._way(*self._links[link])
            link.change(Direction.UPSTREAM, upstream)
            link.change(Direction.DOWNSTREAM, downstream)


@asynccontextmanager
async def faulty_network(ways: Mapping[str, GivenPair], *, seed: int | None = None) -> AsyncIterator[Network]:
    """Put faults under every connection that is opened on the running loop while the block runs.

    In the end, everything is as it was: new connections are the loop's own again, and those that are still
    open are calm. A key that met no connection did nothing, and an ``UnmatchedKeyWarning`` says so; if the
    block ends with an error, that has the sentence as a note instead.

    Args:
        ways: ``host:port`` → a fault or several of both directions, or a pair: upstream, downstream. ``*``
            stands for any host, or any port.
        seed: The root of all luck; by default drawn from entropy.

    Raises:
        SettingError: If a key is no ``host:port``, or a value no faults.
    """
    network = Network(ways, seed)
    await network.look_up()
    patch = Patch.of(asyncio.get_running_loop())
    patch.networks.append(network)
    unmatched: list[str] = []
    try:
        yield network
    except BaseException as exc:
        for text in network.unmatched():
            exc.add_note(text)
        raise
    else:
        unmatched = network.unmatched()
    finally:
        patch.networks.remove(network)
        if not patch.networks:
            patch.undo()
        network.release()
    for text in unmatched:
        warnings.warn(text, UnmatchedKeyWarning, stacklevel=3)  # where the block is, past contextlib
