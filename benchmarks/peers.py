"""Peers: the programs that are measured, and the bare network."""

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
"""The folder into which ``make bench-peers`` installs them."""

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
    """A peer that accepts connections.

    Args:
        port: The port that clients connect to.
        program: The process, for its CPU and memory; None if there is none.
        api: The port of its API; 0 if it has none that lists connections.
        accepts_since: When it began to accept, by ``time.perf_counter()``.
    """

    port: int
    program: Program | None = None
    api: int = 0
    accepts_since: float = field(default_factory=time.perf_counter)


class Peer(ABC):
    """A contestant."""

    name: str

    @abstractmethod
    def version(self) -> str | None:
        """Return the installed version, or None if there is none on this machine."""

    def with_log(self) -> Peer:
        """Return the same program with its log as by default; otherwise it logs no connection."""
        return self

    @abstractmethod
    def relay(self, upstream: int, network: Network) -> AbstractContextManager[Relay]:
        """Start it in front of a loopback port; end it with the context."""


class NoProxy(Peer):
    """The client connected to the upstream: the physical limit."""

    name = NO_PROXY

    def version(self) -> str | None:
        return "loopback"

    @contextmanager
    def relay(self, upstream: int, network: Network) -> Iterator[Relay]:
        yield Relay(upstream)
