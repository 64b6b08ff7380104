"""Who takes part."""

from __future__ import annotations

import sys

from benchmarks.haproxy import HAProxy
from benchmarks.originals import OriginalFlags
from benchmarks.peers import INSTALLED, ORIGINAL, OURS, NoProxy, Peer
from benchmarks.toxiproxy import Toxiproxy


def everyone() -> list[Peer]:
    """Return every relay there is to measure, ours first; some may not be installed."""
    # Neither logs each connection: that is what their manuals say to do for throughput.
    return [
        OriginalFlags(OURS, [sys.executable, "-m", "trixter"], ["--log-level", "warning"], {}),
        OriginalFlags(ORIGINAL, [str(INSTALLED / "trixter")], ["--random-seed", "1"], {"RUST_LOG": "error"}),
        Toxiproxy(),
        HAProxy(),
        NoProxy(),
    ]
