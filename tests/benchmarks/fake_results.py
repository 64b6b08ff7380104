"""Invented results, with the machine and the peers that they need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.bars import Samples
from benchmarks.measures import MEASURES
from benchmarks.network import Network
from benchmarks.peers import OURS, Peer, Relay
from benchmarks.process import Failed
from benchmarks.results import Facts, Results

FACTS = Facts(
    date="2030-01-02",
    cpu="<Abacus & Sons>",
    cores=2,
    kernel="Linux 9.9",
    python="CPython 3.99",
    versions={OURS: "1.0", "Rust original": "0.1", "Toxiproxy": "2.0", "no proxy": "loopback"},
)


def results(measured: dict[str, dict[str, Samples]]) -> Results:
    return Results(
        facts=FACTS,
        seconds=dict.fromkeys(measured, 1.0),
        repetitions=dict.fromkeys(measured, 3),
        measured=measured,
    )


def everything(samples_of: Callable[[str], list[float | None]]) -> Results:
    """Return results of every measure, in which each figure of a peer has these samples."""
    return results(
        {
            measure.title: {
                figure.key: {peer: samples_of(peer) for peer in measure.contestants}
                for figure in measure.figures
            }
            for measure in MEASURES
        }
    )


class FakePeer(Peer):
    """A contestant that relays nothing, and counts its starts."""

    def __init__(self, name: str, *, fails: bool = False, version: str | None = "1") -> None:
        self.name = name
        self.started = 0
        self._fails = fails
        self._version = version

    def version(self) -> str | None:
        return self._version

    @contextmanager
    def relay(self, upstream: int, network: Network) -> Iterator[Relay]:
        self.started += 1
        if self._fails:
            raise Failed("stones sink")
        yield Relay(upstream)
