"""Connections without a proxy: the context that a proxy gives them, on a clock that the test moves."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress

from tests.proxy.peers import Peer
from tests.proxy.servers import Server, socket_pair
from tests.proxy.waiting import PATIENCE_S, turns
from trixter.addresses import text_of
from trixter.faults import NO_FAULTS, Decision, Dice, Direction, Faults
from trixter.proxy import Address, Connection, Defaults, EndReason, Pipe, Registry
from trixter.proxy.dial import DialTarget
from trixter.proxy.end_reason import DURATION
from trixter.proxy.loop import LoopContext
from trixter.proxy.memory import InFlightMemory
from trixter.proxy.poller import Poller
from trixter.proxy.resolver import Resolver, literal_target
from trixter.testing import ManualClock

LIMIT_BYTES = 64 * 1024


class ConnectionHarness:
    """Everything that a connection needs from its proxy; it keeps the reason of each end.

    All sockets that it returns are closed with ``exits``.
    """

    def __init__(self, exits: ExitStack, poller: Poller | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.clock = ManualClock(starts_at=1000.0)
        self.context = LoopContext(self.loop, self.clock, poller, InFlightMemory(0))
        exits.callback(self.context.close)
        self.exits = exits
        self.registry = Registry()
        self.defaults = Defaults()
        self.dice = Dice(1)
        self.buffer_limit_bytes = LIMIT_BYTES
        self.idle_timeout_s = 0.0
        self.strikes: Counter[str] = Counter()
        self.operations: Counter[str] = Counter()
        self.decisions: list[tuple[int, Direction, Decision]] = []
        self.on_decision: Callable[[Connection, Direction, Decision], None] | None = None
        self.replay: Callable[[int, Direction], Faults] | None = None
        self.end_reasons: list[tuple[str, EndReason]] = []
        exits.callback(self.end_all)
        self.server = Server()
        exits.callback(self.server.close)
        self.set_upstream(text_of(self.server.address))

    def set_upstream(self, upstream: str, *, timeout_s: float = 10.0) -> None:
        """Set the upstream of connections to come."""
        address = Address.parse(upstream)
        self.dial_target = DialTarget(
            address, literal_target(address), Resolver(address, self.loop), timeout_s
        )

    def set_defaults(
        self, upstream: Faults = NO_FAULTS, downstream: Faults = NO_FAULTS, connection_duration_s: float = 0.0
    ) -> None:
        """Set the defaults of connections to come."""
        self.defaults = Defaults(
            upstream=upstream, downstream=downstream, connection_duration_s=connection_duration_s
        )

    def listen(self) -> None:
        """Keep the decisions of connections to come."""
        self.on_decision = lambda connection, *decided: self.decisions.append((connection.number, *decided))

    def on_opened(self, connection: Connection) -> None: ...

    def on_duration(self, connection: Connection) -> None:
        connection.end(EndReason(DURATION, reset=True))

    def on_ended(self, connection: Connection, end_reason: EndReason) -> None:
        self.registry.end(connection, end_reason.reason)
        self.end_reasons.append((connection.id, end_reason))

    @property
    def end_reason(self) -> EndReason | None:
        """How the only connection ended, if it did."""
        assert len(self.end_reasons) <= 1, f"ended {len(self.end_reasons)} times"
        return self.end_reasons[0][1] if self.end_reasons else None

    def connect_client(self, *, buffer_bytes: int = 0, first_bytes: bytes = b"") -> tuple[Peer, Connection]:
        """Connect a client, which may send at once, and begin to dial for it."""
        there, here = socket_pair(buffer_bytes=buffer_bytes)
        self.exits.callback(there.close)
        number = self.registry.accepted + 1
        connection = Connection(number, f"c-{number}", here, here.getpeername(), self)
        self.registry.accept(connection)
        there.send(first_bytes)
        connection.start()
        return Peer(there), connection

    def connect(self, *, buffer_bytes: int = 0) -> tuple[Peer, Peer, Connection]:
        """Connect a client; return it, its server and the connection between them."""
        client, connection = self.connect_client(buffer_bytes=buffer_bytes)
        server = self.server.accept()
        self.exits.callback(server.close)
        return client, server, connection

    async def receive_all_in_time(self, peer: Peer) -> bytes:
        """Let time pass until the peer has EOF; return what it received."""
        pieces = []
        async with asyncio.timeout(PATIENCE_S):
            while not peer.has_ended:
                self.clock.advance(5.0)
                await turns(1)
                pieces.append(peer.received())
        return b"".join(pieces)

    async def receive_reset_in_time(self, peer: Peer) -> bytes:
        """Let time pass until the peer is reset; return what it received before that."""
        pieces = []
        async with asyncio.timeout(PATIENCE_S):
            with suppress(ConnectionResetError):
                while not peer.has_ended:
                    self.clock.advance(5.0)
                    await turns(1)
                    pieces += peer.receive_now()
                raise AssertionError("it ended with EOF")
        return b"".join(pieces)

    async def pass_time_until(self, condition: Callable[[], object]) -> None:
        """Let time pass until the condition holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.clock.advance(0.01)
                await turns(1)

    def end_all(self) -> None:
        for connection in self.registry.all():
            connection.close("the test is over")


def pipes_of(connection: Connection) -> tuple[Pipe, Pipe]:
    """Return both directions, upstream first."""
    return connection.pipe(Direction.UPSTREAM), connection.pipe(Direction.DOWNSTREAM)


def live_objects(*kinds: type) -> list[object]:
    """Return what exists of these types; the garbage collector need not have seen it."""
    return [each for each in gc.get_objects() if type(each) in kinds]
