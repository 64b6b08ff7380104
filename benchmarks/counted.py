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
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

import trixter.monotonic
from benchmarks.instructions import (
    CONNECTIONS,
    CORRUPTED,
    DELAYED,
    EXCHANGED,
    FAULTY_MESSAGES,
    LOGGED,
    MESSAGES,
    QUIET,
    REFERENCE,
    REFERENCE_ROUNDS,
    SLICED,
    TERMINATED,
    THROTTLED,
    UNSLICED,
)

# Under callgrind all work takes 50 times as long, so a turn must: it would end after a connection otherwise.
trixter.monotonic.TURN_S = 1.0

from trixter.cli.logs import configure, connection_log  # noqa: E402 - they take TURN_S when they are imported
from trixter.cli.serve import disable_full_collections  # noqa: E402
from trixter.faults import NO_FAULTS, Corrupt, Fault, Faults, Latency, Slice, Terminate, Throttle  # noqa: E402
from trixter.proxy import Defaults, LoopContext, Proxy  # noqa: E402
from trixter.proxy.clock import Clock  # noqa: E402
from trixter.proxy.epoll import EpollPoller  # noqa: E402
from trixter.proxy.loop import loop_factory  # noqa: E402
from trixter.proxy.poller import WakeupLatency  # noqa: E402

# Where objects lie in memory is worth 2 %: so the reference has several places.
REFERENCE_PARTS = 10
AT_ONCE = 32
PAIRS = 50
MESSAGE = bytes(64)

# The first ones fill caches, and let Python specialise the code.
WARM_UP = 64
FAULTY_WARM_UP = 3

# What a turn of the loop takes by the clock of the faults: longer than it ever takes in fact, for latency
# counts from the kernel's time of arrival.
TICK_S = 60.0

FAULTS: dict[str, Fault] = {
    DELAYED: Latency(delay_s=TICK_S / 2),
    THROTTLED: Throttle(rate_bytes_per_s=64_000),
    UNSLICED: Slice(size_bytes=512),
    SLICED: Slice(size_bytes=16),
    CORRUPTED: Corrupt(probability=0.01),
    TERMINATED: Terminate(probability=0.01),
}


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

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """Count nothing in this block."""
        self._is_wanted, was_wanted = False, self._is_wanted
        yield
        self._is_wanted = was_wanted

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


class TurnClock(Clock):
    """A clock that goes by the turns of the loop: what is due, and when, is the same on a busy machine."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def turn(self) -> None:
        """Go on by a turn, and make the calls that are due."""
        self._now += TICK_S
        if self._alarm_at is not None and self._alarm_at <= self._now:
            self._fire_due()

    def _arm(self, when: float) -> None: ...

    def close(self) -> None: ...


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
        clock: The clock of the faults.
    """

    def __init__(self, counter: Counter, clock: TurnClock) -> None:
        self._counter = counter
        self._clock = clock
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

    async def exchange(self, proxy: Proxy, rounds: int) -> None:
        """Send a message there and back on each of some connections, again and again.

        They are opened before, and anew for those that a fault has ended; that is not counted.
        """
        for _ in range(rounds):
            with self._counter.pausing():
                while len(self._clients) < PAIRS:
                    self._dial(proxy)
                    await self._receive_on_each(1, self._clients[-1:])
            for client in self._clients:
                client.send(MESSAGE)
            await self._receive_on_each(len(MESSAGE), self._clients)

    def close(self) -> None:
        for each in (*self._clients, *self._servers, self._listening):
            each.close()

    async def _receive_on_each(self, size: int, clients: Iterable[socket.socket]) -> None:
        """Wait until that much has come, or more, or the end."""
        waiting = dict.fromkeys(clients, size)
        while waiting:
            await self._turn()
            for client in list(waiting):
                data = _receive(client)
                if data is None:
                    continue
                waiting[client] -= len(data)
                if not data or waiting[client] <= 0:
                    del waiting[client]
                if not data:
                    client.close()
                    self._clients.remove(client)

    async def _turn(self) -> None:
        """Give the proxy a turn of the loop, then the upstream."""
        self._counter.switch()
        self._clock.turn()
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
        return sock.recv(65536)
    except BlockingIOError:
        return None
    except ConnectionError:
        return b""


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
    disable_full_collections()
    loop, clock = asyncio.get_running_loop(), TurnClock()
    context = LoopContext(loop, poller=EpollPoller(loop, NoWakeups()))
    with traffic_through_proxy(counter, clock, context) as (traffic, proxy):
        for name, level in ((QUIET, "warning"), (LOGGED, "info")):
            configure(level, "text")
            await traffic.connect(proxy, WARM_UP)
            with counter.counting(name):
                await traffic.connect(proxy, CONNECTIONS)
        configure("off", "text")
        await traffic.exchange(proxy, WARM_UP)
        with counter.counting(EXCHANGED):
            await traffic.exchange(proxy, MESSAGES // PAIRS)
    context = LoopContext(loop, clock, EpollPoller(loop, NoWakeups()))
    context.can_stamp = True  # the kernel's time, by which nothing is older than a turn
    for name, fault in FAULTS.items():
        with traffic_through_proxy(counter, clock, context, Faults(fault)) as (traffic, proxy):
            await traffic.exchange(proxy, FAULTY_WARM_UP)
            with counter.counting(name):
                await traffic.exchange(proxy, FAULTY_MESSAGES // PAIRS)


@contextmanager
def traffic_through_proxy(
    counter: Counter, clock: TurnClock, context: LoopContext, faults: Faults = NO_FAULTS
) -> Iterator[tuple[Traffic, Proxy]]:
    """Start a proxy with these faults in both directions, as the command line does, and traffic for it."""
    traffic = Traffic(counter, clock)
    defaults = Defaults(upstream=faults, downstream=faults)
    proxy = Proxy(listen="127.0.0.1:0", upstream=traffic.upstream, seed=1, defaults=defaults)
    proxy.observers = [connection_log()]
    proxy.bind()
    proxy.start(context)
    yield traffic, proxy
    traffic.close()
    proxy.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(count(Counter(sys.argv[1])))
