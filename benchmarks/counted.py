"""The program whose instructions are counted: a proxy with its clients and its upstream on one loop.

It runs under callgrind, which counts while the proxy works and not while clients and upstream do. All of them
take turns on one thread, so the count is the same on a busy machine.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import trixter.monotonic
from benchmarks.instructions import (
    CONNECTIONS,
    EXCHANGED,
    LOGGED,
    MESSAGES,
    QUIET,
    REFERENCE,
    REFERENCE_ROUNDS,
)

# Under callgrind all work takes 50 times as long, so a turn must: it would end after a connection otherwise.
trixter.monotonic.TURN_S = 1.0

from trixter.cli.logs import configure, connection_log  # noqa: E402 - they take TURN_S when they are imported
from trixter.cli.serve import disable_full_collections  # noqa: E402
from trixter.proxy import LoopContext, Proxy  # noqa: E402
from trixter.proxy.epoll import EpollPoller  # noqa: E402
from trixter.proxy.loop import loop_factory  # noqa: E402
from trixter.proxy.poller import WakeupLatency  # noqa: E402

# Where objects lie in memory is worth 2 %: so the reference has several places.
REFERENCE_PARTS = 10
AT_ONCE = 32
PAIRS = 50
ROUNDS = MESSAGES // PAIRS
MESSAGE = bytes(64)

# The first ones fill caches, and let Python specialise the code.
WARM_UP = 64


class Counter:
    """Callgrind's count of this process.

    Args:
        library: Compiled from ``callgrind.c``.
    """

    def __init__(self, library: str) -> None:
        requests = ctypes.CDLL(library)
        self._toggle, self._dump = requests.toggle, requests.dump
        self._is_wanted = False
        requests.start()

    @contextmanager
    def counting(self, name: str) -> Iterator[None]:
        """Write, under a name, the count of what runs between two switches in this block."""
        self._is_wanted = True
        yield
        self._is_wanted = False
        self._dump(name.encode())

    def switch(self) -> None:
        """Begin to count, or stop."""
        if self._is_wanted:
            self._toggle()


class NoWakeups(WakeupLatency):
    """A machine that wakes a process at once: to poll on before sleeping would count how busy this one is."""

    def __init__(self) -> None:
        super().__init__()
        self.mean_s = 0.0

    def observe(self, late_s: float) -> None: ...


class Item:
    """What the reference makes."""

    __slots__ = ("buffer", "owner", "sock", "total")

    def __init__(self, sock: socket.SocketType, buffer: memoryview, owner: dict[int, Item]) -> None:
        self.sock = sock
        self.buffer = buffer
        self.owner = owner
        self.total = 0

    def carry(self) -> None:
        size = self.sock.recv_into(self.buffer, 1024)
        if size:
            self.total += self.sock.send(self.buffer[:size])


def reference(rounds: int) -> None:
    """Do what a relay consists of: objects, attributes, dictionaries, callbacks, and calls of a socket.

    Changed, it is another measure: then ROUND_INSTRUCTIONS has to be counted anew.
    """
    there, here = socket.socketpair()
    with there, here:
        there.setblocking(False)
        buffer, items = memoryview(bytearray(4096)), dict[int, Item]()
        here.send(bytes(64))
        for number in range(rounds):
            items[number] = item = Item(there, buffer, items)
            callback: Callable[[], None] = item.carry
            callback()
            here.send(here.recv(1024))
            del items[number]


class Traffic:
    """Clients and an upstream: they move in the turns of the loop in which the proxy does not.

    Args:
        counter: Counts the turns of the proxy.
    """

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=AT_ONCE)
        self._listening.setblocking(False)
        self.upstream = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._servers: list[socket.socket] = []
        self._clients: list[socket.socket] = []

    async def connect(self, proxy: Proxy, count: int) -> None:
        """Connect, one byte there and back, close: so often, some at a time."""
        left = count
        while left or self._clients or len(proxy.registry):
            while left and len(self._clients) < AT_ONCE:
                self._dial(proxy)
                left -= 1
            await self._turn()
            for client in [each for each in self._clients if _receive(each)]:
                client.close()
                self._clients.remove(client)

    async def open(self, proxy: Proxy, count: int) -> None:
        """Open connections that stay."""
        for _ in range(count):
            self._dial(proxy)
        await self._receive_on_each(1)

    async def exchange(self, rounds: int) -> None:
        """Send a message there and back on each of them, again and again."""
        for _ in range(rounds):
            for client in self._clients:
                client.send(MESSAGE)
            await self._receive_on_each(len(MESSAGE))

    def close(self) -> None:
        for each in (*self._clients, *self._servers, self._listening):
            each.close()

    async def _receive_on_each(self, size: int) -> None:
        waiting = dict.fromkeys(self._clients, size)
        while waiting:
            await self._turn()
            for client in list(waiting):
                waiting[client] -= len(_receive(client) or b"")
                if not waiting[client]:
                    del waiting[client]

    async def _turn(self) -> None:
        """Give the proxy a turn of the loop, then the upstream."""
        self._counter.switch()
        await asyncio.sleep(0)
        self._counter.switch()
        self._serve()

    def _dial(self, proxy: Proxy) -> None:
        host, _, port = proxy.listen_addresses[0].rpartition(":")
        client = socket.create_connection((host, int(port)))
        client.send(b"x")
        client.setblocking(False)
        self._clients.append(client)

    def _serve(self) -> None:
        with suppress(BlockingIOError):
            while True:
                server, _ = self._listening.accept()
                server.setblocking(False)
                self._servers.append(server)
        for server in list(self._servers):
            data = _receive(server)
            if data:
                server.send(data)
            elif data is not None:
                server.close()
                self._servers.remove(server)


def _receive(sock: socket.socket) -> bytes | None:
    """Return what has arrived, nothing at the end, or None if there is nothing yet."""
    try:
        return sock.recv(1024)
    except BlockingIOError:
        return None


async def count(counter: Counter) -> None:
    """Write the counts, one after another."""
    gc.disable()
    reference(WARM_UP)
    layouts = []
    with counter.counting(REFERENCE):
        for _ in range(REFERENCE_PARTS):
            counter.switch()
            reference(REFERENCE_ROUNDS // REFERENCE_PARTS)
            counter.switch()
            layouts.append([bytes(size) for size in range(500)])
    loop = asyncio.get_running_loop()
    traffic = Traffic(counter)
    proxy = Proxy(listen="127.0.0.1:0", upstream=traffic.upstream, seed=1)
    proxy.observers = [connection_log()]  # as the command line has it
    proxy.bind()
    proxy.start(LoopContext(loop, poller=EpollPoller(loop, NoWakeups())))
    disable_full_collections()
    for name, level in ((QUIET, "warning"), (LOGGED, "info")):
        configure(level, "text")
        await traffic.connect(proxy, WARM_UP)
        with counter.counting(name):
            await traffic.connect(proxy, CONNECTIONS)
    await traffic.open(proxy, PAIRS)
    await traffic.exchange(WARM_UP)
    with counter.counting(EXCHANGED):
        await traffic.exchange(ROUNDS)
    traffic.close()
    proxy.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(count(Counter(sys.argv[1])))
