"""The results, as ``results.json`` holds them."""

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
    """The machine and the versions of a run."""

    date: str
    cpu: str
    cores: int
    kernel: str
    python: str
    versions: dict[str, str]
    """Peer → version; peers that were not installed are missing."""


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    facts: Facts
    seconds: dict[str, float]
    """Measure → length of one run."""
    repetitions: dict[str, int]
    """Measure → number of trials of each contestant."""
    measured: dict[str, Figures]
    """Measure → figures; measures that were left out are missing."""

    def save(self, path: Path) -> None:
        """Write them as indented JSON, in a stable order."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


def load_results(path: Path) -> Results:
    """Read what `Results.save` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Results)
