"""Faults under every connection that a block of code opens."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import warnings
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from trixter.errors import SettingError
from trixter.faults import NO_FAULTS, Dice, Direction, Fault, Faults
from trixter.faults.faults import as_faults
from trixter.netem.asyncio import destinations
from trixter.netem.asyncio.connect import ProtocolT, connect_link
from trixter.netem.asyncio.destinations import (
    Destinations,
    Key,
    UnmatchedKeyWarning,
    canonical,
    is_name,
    parsed,
)
from trixter.netem.asyncio.link import FaultsSpec, FaultyConnection, FaultyTransport

FaultsPairSpec = FaultsSpec | tuple[FaultsSpec, FaultsSpec]
"""A fault or several, of both directions; or a pair of that: upstream, downstream."""


class Network:
    """The faults in force, by host and port, and the connections that are open.

    Args:
        faults_by_address: ``host:port`` → faults; ``*`` stands for any host, or any port. The most exact
            counts.
        seed: The root of all randomness; connection n draws from its own branch.

    Raises:
        SettingError: If a key is no ``host:port``, or a value no faults.
    """

    def __init__(self, faults_by_address: Mapping[str, FaultsPairSpec], seed: int | None = None) -> None:
        self._dice = Dice(secrets.randbits(64) if seed is None else seed)
        self._numbers = itertools.count(1)
        self._faults_by_address = {parsed(key): _as_pair(given) for key, given in faults_by_address.items()}
        self._links: dict[FaultyConnection, tuple[tuple[str, ...], int]] = {}
        self._destinations = Destinations()
        # Those that had any at some time, in order.
        self._faulty = {key: None for key, pair in self._faults_by_address.items() if any(pair)}
        self._lookups: set[asyncio.Future[list[str]]] = set()

    def __getitem__(self, key: str) -> tuple[Faults, Faults]:
        """Return what a key has, upstream and downstream."""
        return self._faults_by_address[parsed(key)]

    def __setitem__(self, key: str, given: FaultsPairSpec) -> None:
        """Change what a key has: for connections to come, and at once for those that are open.

        The host of a new key is looked up meanwhile, and counts for addresses as soon as it is found.
        """
        parts = parsed(key)
        is_new = parts not in self._faults_by_address
        self._faults_by_address[parts] = _as_pair(given)
        if any(self._faults_by_address[parts]):
            self._faulty[parts] = None
        if is_new:
            self._look_up(parts[0])
        self._spread()

    def __delitem__(self, key: str) -> None:
        """Forget a key; connections that are open fall to the next that fits, or are calm."""
        parts = parsed(key)
        del self._faults_by_address[parts]
        self._faulty.pop(parts, None)
        self._destinations.forget(parts)
        self._spread()

    @property
    def connections(self) -> list[FaultyConnection]:
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
        for host in sorted({host for host, _ in self._faults_by_address}):
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
        dice = self._dice.branch(f"connection {next(self._numbers)}")

        def remember(link: FaultyConnection) -> None:
            self._links[link] = (named, number)
            self._apply(link)  # as they are now: they may have changed while it was connecting

        return await connect_link(
            create_connection,
            factory,
            host,
            port,
            {},
            dice,
            options,
            on_made=remember,
            on_lost=self._forget,
        )

    def release(self) -> None:
        """Make every connection that is open calm."""
        self._faults_by_address.clear()
        self._spread()

    def _forget(self, link: FaultyConnection) -> None:
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
        return self._destinations.fitting(names, port, self._faults_by_address)

    def _way(self, names: tuple[str, ...], port: int) -> tuple[Faults, Faults]:
        keys = self._fitting(names, port)
        return self._faults_by_address[keys[0]] if keys else (NO_FAULTS, NO_FAULTS)

    def _spread(self) -> None:
        for link in self.connections:
            self._apply(link)

    def _apply(self, link: FaultyConnection) -> None:
        if link in self._links:  # what others were told may have ended it
            upstream, downstream = self._way(*self._links[link])
            link.set_faults(Direction.UPSTREAM, upstream)
            link.set_faults(Direction.DOWNSTREAM, downstream)


PATCHED = ("create_connection", "getaddrinfo", "start_tls")


class LoopPatch:
    """Stand in for three methods of a loop while there are networks on it, in any order.

    The latest network that has a key for a connection counts.

    Args:
        loop: asyncio's or uvloop's; both let an instance have methods of its own.
    """

    _patches: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, LoopPatch]] = WeakKeyDictionary()

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.networks: list[Network] = []
        self._loop = loop
        self._before = {name: getattr(loop, name) for name in PATCHED}
        self._own = {name: vars(loop)[name] for name in PATCHED if name in vars(loop)}
        self._names: dict[str, set[str]] = {}  # address → the names it was looked up by
        for name in PATCHED:
            setattr(loop, name, getattr(self, f"_{name}"))

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> LoopPatch:
        """Return the loop's patch, a new one if it has none."""
        if loop not in cls._patches:
            cls._patches[loop] = cls(loop)
        return cls._patches[loop]

    def undo(self) -> None:
        """Give the loop back what it had."""
        for name in PATCHED:
            delattr(self._loop, name)
        for name, own in self._own.items():
            setattr(self._loop, name, own)
        del self._patches[self._loop]

    async def _create_connection(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None = None,
        port: int | None = None,
        **options: Any,
    ) -> tuple[asyncio.BaseTransport, asyncio.BaseProtocol]:
        before = self._before["create_connection"]
        names, number = self._destination(host, port, options.get("sock"))
        # All of them are asked, because all of them say afterwards which keys met no connection.
        fitting = [network for network in reversed(self.networks) if network.meet(names, number)]
        if fitting:
            return await fitting[0].connect(before, protocol_factory, host, port, options, names, number)
        made: tuple[asyncio.BaseTransport, asyncio.BaseProtocol]
        made = await before(protocol_factory, host, port, **options)
        return made

    async def _getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """Look up, and remember: many clients connect to what they have looked up themselves."""
        found = await self._before["getaddrinfo"](host, port, **options)
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host  # AnyIO asks in bytes
        if isinstance(name, str):
            for *_, address in found:
                self._names.setdefault(canonical(str(address[0])), set()).add(canonical(name))
        return found

    async def _start_tls(self, transport: Any, protocol: Any, sslcontext: Any, **options: Any) -> Any:
        if isinstance(transport, FaultyTransport):
            # asyncio's, on every loop: uvloop's puts TLS only on transports of its own.
            loop: Any = self._loop
            return await asyncio.BaseEventLoop.start_tls(loop, transport, protocol, sslcontext, **options)
        return await self._before["start_tls"](transport, protocol, sslcontext, **options)

    def _destination(self, host: str | None, port: Any, sock: Any) -> tuple[tuple[str, ...], int]:
        """Return the host of a connection, the names it was looked up by, and its port; 0 if it has none."""
        if host is None and sock is not None:
            with suppress(OSError, AttributeError, TypeError, ValueError):
                host, port, *_ = sock.getpeername()
        if not isinstance(host, str):
            return (), 0
        host = canonical(host)
        with suppress(TypeError, ValueError):
            return (host, *sorted(self._names.get(host, set()) - {host})), int(port)
        return (), 0


@asynccontextmanager
async def faulty_network(
    faults_by_address: Mapping[str, FaultsPairSpec], *, seed: int | None = None
) -> AsyncIterator[Network]:
    """Put faults under every connection that is opened on the running loop while the block runs.

    In the end, everything is as it was: new connections are the loop's own again, and those that are still
    open are calm. A key that met no connection did nothing, and an ``UnmatchedKeyWarning`` says so; if the
    block ends with an error, that has the sentence as a note instead.

    Args:
        faults_by_address: ``host:port`` → a fault or several of both directions, or a pair: upstream,
            downstream. ``*`` stands for any host, or any port.
        seed: The root of all randomness; by default drawn from entropy.

    Raises:
        SettingError: If a key is no ``host:port``, or a value no faults.
    """
    network = Network(faults_by_address, seed)
    await network.look_up()
    patch = LoopPatch.of(asyncio.get_running_loop())
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


def _as_pair(given: FaultsPairSpec) -> tuple[Faults, Faults]:
    if isinstance(given, Fault | Faults):  # each in the directions that it fits
        given = as_faults(given).fitting(Direction.UPSTREAM), as_faults(given).fitting(Direction.DOWNSTREAM)
    pair = given if isinstance(given, tuple) else ()
    if not (len(pair) == 2 and all(isinstance(each, Fault | Faults) for each in pair)):
        raise SettingError("faults", given, "a fault or Faults, or a pair of them: upstream, downstream")
    return as_faults(pair[0], Direction.UPSTREAM), as_faults(pair[1], Direction.DOWNSTREAM)
