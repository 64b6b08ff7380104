"""What a block of code changes about its loop, and how that is undone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

from trixter.netem.aio.destinations import canonical
from trixter.netem.aio.transport import FaultyTransport

if TYPE_CHECKING:
    from trixter.netem.aio.network import Network

PATCHED = ("create_connection", "getaddrinfo", "start_tls")


class Patch:
    """Stand in for three methods of a loop while there are networks on it, in any order.

    The latest network that has a key for a connection counts.

    Args:
        loop: asyncio's or uvloop's; both let an instance have methods of its own.
    """

    _patches: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, Patch]] = WeakKeyDictionary()

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.networks: list[Network] = []
        self._loop = loop
        self._before = {name: getattr(loop, name) for name in PATCHED}
        self._own = {name: vars(loop)[name] for name in PATCHED if name in vars(loop)}
        self._names: dict[str, set[str]] = {}  # address → the names it was looked up by
        for name in PATCHED:
            setattr(loop, name, getattr(self, f"_{name}"))

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Patch:
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
