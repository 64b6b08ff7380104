"""Destinations: keys such as ``db:5432``, which of them fit a connection, and which met none."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress

from trixter.addresses import split_host_port, text_of, unmapped_ip
from trixter.errors import SettingError

LOOKUP_TIMEOUT_S = 1.0
"""How long the beginning of a block waits for the addresses of its keys' hosts."""

SHOWN_DESTINATIONS = 5
"""Of those that were connected to, how many a warning lists."""

Key = tuple[str, int]
"""A host and a port; ``*`` and 0 stand for any."""


class UnmatchedKeyWarning(UserWarning):
    """A key of a faulty network met no connection, so its faults did nothing."""


class Destinations:
    """The keys of a faulty network: it matches them with connections, and remembers the matches.

    A connection is known by the host that the program gave, and by the names that the loop looked up for
    that address. Where the loop looked up none, because the client has a resolver of its own, it is known by
    the keys whose hosts have that address.
    """

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}  # address → hosts of keys, in their alphabet
        self._met: set[Key] = set()
        self._seen: dict[str, None] = {}

    def learn(self, host: str, addresses: Iterable[str]) -> None:
        """Note the addresses of a key's host."""
        for address in addresses:
            names = self._names.setdefault(address, [])
            if host not in names:
                names.append(host)
                names.sort()  # whichever lookup was done first, the same one counts

    def see(self, names: tuple[str, ...], port: int) -> None:
        """Note that the loop opens a connection there, whether or not a key fits."""
        if names and len(self._seen) <= SHOWN_DESTINATIONS:
            self._seen[shown((names[0], port))] = None

    def fitting(self, names: tuple[str, ...], port: int, keys: Iterable[Key]) -> list[Key]:
        """Return the keys that fit, the most exact first: a name and a port, a name, a port, anything."""
        there = set(keys)
        if len(names) == 1:
            names = (*names, *self._names.get(names[0], ()))
        wanted = [(name, its_port) for its_port in (port, 0) for name in names]
        found = [key for key in (*wanted, ("*", port), ("*", 0)) if key in there]
        self._met.update(found)
        return found

    def forget(self, key: Key) -> None:
        """Count anew for a key that was removed."""
        self._met.discard(key)

    def warnings(self, keys: Iterable[Key]) -> list[str]:
        """Return a sentence for each key that met no connection; none for ``*:*``, which names nothing."""
        shown_seen = ", ".join(list(self._seen)[:SHOWN_DESTINATIONS])
        more = ", …" if len(self._seen) > SHOWN_DESTINATIONS else ""
        return [
            f"no connection matched {shown(key)!r}, so its faults did nothing; this event loop connected to: "
            f"{shown_seen + more or 'nothing'}. Clients whose sockets the loop does not open (psycopg's "
            "AsyncConnection, grpc.aio, all that runs in other threads) need a proxy, such as ChaosProxy."
            for key in keys
            if key not in self._met and key != ("*", 0)
        ]


def parsed(key: str) -> Key:
    """Return a key's host and port.

    Raises:
        SettingError: If it is no ``host:port``.
    """
    try:
        host, port = split_host_port(key)
    except ValueError:
        host = port = ""
    is_port = port == "*" or (port.isascii() and port.isdigit() and 0 < int(port) < 65536)
    if not host or not is_port:
        raise SettingError("key", key, 'text such as "db:5432", "db:*" or "*:5432"')
    return canonical(host), 0 if port == "*" else int(port)


def shown(key: Key) -> str:
    """Return a key as it is written."""
    return text_of((key[0], key[1] or "*"))


def canonical(host: str) -> str:
    """Return the one form of a host that has several: case, a last dot, and the ways to write an address."""
    try:
        return str(unmapped_ip(host))
    except ValueError:
        return host.lower().removesuffix(".")


def is_name(host: str) -> bool:
    """Return whether a key's host has to be looked up."""
    if host == "*":
        return False
    try:
        unmapped_ip(host)
    except ValueError:
        return True
    return False


def look_up(host: str) -> asyncio.Future[list[str]]:
    """Look a host up in a thread of its own, which no program waits for at its end.

    A host that has no addresses, or is not known, has none.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def tell(addresses: list[str]) -> None:
        if not found.done():
            found.set_result(addresses)

    def run() -> None:
        addresses: list[str] = []
        with suppress(OSError, UnicodeError):
            infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            addresses = [canonical(str(address[0])) for *_, address in infos]
        with suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(tell, addresses)

    threading.Thread(target=run, name=f"look up {host}", daemon=True).start()
    return found
