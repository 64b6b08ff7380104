"""Name resolution: which socket addresses an address stands for, also without blocking the loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from ipaddress import ip_address

from trixter.addresses import Address, SocketAddress

Target = tuple[int, SocketAddress]
"""A socket family and an address in it."""

Answer = list[Target] | OSError
"""What a name stands for, or why that is not known."""


class Resolver:
    """Look one address up, again for every dial, in a thread.

    Dials that ask while a lookup runs share its answer, so a resolver that hangs costs one thread, not one
    for each connection. The thread is a daemon: the operating system's resolver cannot be interrupted, and
    leaving must not wait for it.
    """

    def __init__(self, address: Address, loop: asyncio.AbstractEventLoop) -> None:
        self._address = address
        self._loop = loop
        self._waiting: list[Callable[[Answer], None]] = []

    def look_up(self, callback: Callable[[Answer], None]) -> None:
        """Call back on the loop with the answer."""
        self._waiting.append(callback)
        if len(self._waiting) == 1:
            thread = threading.Thread(target=self._ask, name=f"resolve {self._address.host}", daemon=True)
            try:
                thread.start()
            except RuntimeError as exc:  # the system has no thread left
                self._loop.call_soon(self._tell, OSError(str(exc)))

    def _ask(self) -> None:
        answer: Answer
        try:
            answer = resolve(self._address)
        except OSError as exc:
            answer = exc
        with contextlib.suppress(RuntimeError):  # the loop is closed: no dial waits any more
            self._loop.call_soon_threadsafe(self._tell, answer)

    def _tell(self, answer: Answer) -> None:
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback(answer)


def literal_target(address: Address) -> Target | None:
    """Return what to connect to, if that is known without asking a resolver."""
    if address.path:
        return int(socket.AF_UNIX), address.path
    try:
        version = ip_address(address.host).version
    except ValueError:
        return None
    if "%" in address.host:  # the zone of a link-local address: the resolver knows its number
        return None
    return int(socket.AF_INET6 if version == 6 else socket.AF_INET), (address.host, address.port)


def resolve(address: Address) -> list[Target]:
    """Return what a name stands for, in the resolver's order. Blocks.

    Raises:
        OSError: If it stands for nothing.
    """
    if (literal := literal_target(address)) is not None:
        return [literal]
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except UnicodeError as exc:  # such as an empty label: "a..b"
        raise OSError(f"{address.host!r} is not a host name") from exc
    return list(dict.fromkeys((family, sockaddr) for family, _, _, _, sockaddr in found))
