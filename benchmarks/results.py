"""What was measured, as it is written to ``results.json``."""

from __future__ import annotations

from pathlib import Path

import msgspec

from benchmarks.bars import Samples
from benchmarks.peers import HERE

RESULTS = HERE / "results.json"
CHART = HERE / "chart.svg"

Figures = dict[str, Samples]
"""The figures of one measure: key → samples."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how it was measured."""

    date: str
    cpu: str
    cores: int
    kernel: str
    python: str
    versions: dict[str, str]
    """Peer → version; those that were not installed are not here."""


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    facts: Facts
    seconds: dict[str, float]
    """Measure → length of one run."""
    repetitions: dict[str, int]
    """Measure → how often everyone took a trial."""
    measured: dict[str, Figures]
    """Measure → figures; those that were left out are not here."""

    def save(self, path: Path) -> None:
        """Write it, readable and in an order that does not change."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


def load_results(path: Path) -> Results:
    """Read what `Results.save` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Results)
