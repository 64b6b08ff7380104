"""What is measured: anything that relays, or nothing at all."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.network import Network
from benchmarks.process import Program

HERE = Path(__file__).parent
INSTALLED = HERE / "peers" / "bin"
"""Where ``make bench-peers`` puts them."""

OURS = "trixter"
ORIGINAL = "Rust original"
TOXIPROXY = "Toxiproxy"
HAPROXY = "HAProxy"
NO_PROXY = "no proxy"

CONTESTANTS = (OURS, ORIGINAL, TOXIPROXY, HAPROXY, NO_PROXY)
RELAYS = (OURS, ORIGINAL, TOXIPROXY, HAPROXY)
WITH_FAULTS = (OURS, ORIGINAL, TOXIPROXY)


@dataclass(frozen=True)
class Relay:
    """A peer that accepts connections now.

    Args:
        port: Where clients connect to.
        program: The process, for its accounts; None if there is none.
        api: The port of its API; 0 if it has none that lists connections.
        accepts_since: When it began to, by ``time.perf_counter()``.
    """

    port: int
    program: Program | None = None
    api: int = 0
    accepts_since: float = field(default_factory=time.perf_counter)


class Peer(ABC):
    """Something that can be measured."""

    name: str

    @abstractmethod
    def version(self) -> str | None:
        """Return the installed version, or None if there is none on this machine."""

    @abstractmethod
    def relay(self, upstream: int, network: Network) -> AbstractContextManager[Relay]:
        """Start it in front of that loopback port; it has ended when the context has."""


class NoProxy(Peer):
    """The client connected to the upstream: the physical limit."""

    name = NO_PROXY

    def version(self) -> str | None:
        return "loopback"

    @contextmanager
    def relay(self, upstream: int, network: Network) -> Iterator[Relay]:
        yield Relay(upstream)
