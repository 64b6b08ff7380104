"""A harness for proxies: real ones, a server behind them, and clients before them."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import Unpack

from tests.proxy.peers import Peer
from tests.proxy.servers import Server
from tests.proxy.waiting import until
from trixter.addresses import text_of
from trixter.proxy import Address, Defaults, Proxy
from trixter.proxy.loop import LoopContext
from trixter.proxy.resolver import literal_target
from trixter.proxy.tuning import TuningKeywords


class ProxyHarness:
    """Open proxies and connections; all of them are closed with ``exits``."""

    def __init__(self, exits: ExitStack) -> None:
        self.exits = exits
        self.server = Server(backlog=1000)
        exits.callback(self.server.close)

    def proxy(
        self,
        *,
        listen: str = "127.0.0.1:0",
        upstream: str | None = None,
        defaults: Defaults | None = None,
        context: LoopContext | None = None,
        **tuning: Unpack[TuningKeywords],
    ) -> Proxy:
        """Return a proxy that accepts."""
        proxy = Proxy(
            listen=listen,
            upstream=upstream or text_of(self.server.address),
            seed=1,
            defaults=defaults,
            **tuning,
        )
        proxy.bind()
        self.exits.callback(proxy.stop)
        proxy.start(context)
        return proxy

    def client(self, proxy: Proxy, which: int = 0) -> Peer:
        """Connect to a proxy."""
        literal = literal_target(Address.parse(proxy.listen_addresses[which]))
        assert literal is not None
        family, address = literal
        sock = socket.socket(family)
        self.exits.callback(sock.close)
        sock.connect(address)
        return Peer(sock)

    async def pair(self, proxy: Proxy) -> tuple[Peer, Peer]:
        """Connect through a proxy; return both ends."""
        opened = len(proxy.registry)
        client = self.client(proxy)
        await until(lambda: len(proxy.registry) > opened)
        server = self.server.accept()
        self.exits.callback(server.close)
        return client, server
