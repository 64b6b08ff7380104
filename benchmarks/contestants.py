"""The contestants: every relay that is measured, and the bare network."""

from __future__ import annotations

import sys

from benchmarks.haproxy import HAProxy
from benchmarks.original import OriginalFlags
from benchmarks.peers import INSTALLED, ORIGINAL, OURS, NoProxy, Peer
from benchmarks.toxiproxy import Toxiproxy


def contestants() -> list[Peer]:
    """Return all of them, ours first; some may not be installed."""
    # Neither logs each connection: their manuals advise that for throughput.
    return [
        OriginalFlags(OURS, [sys.executable, "-m", "trixter"], [], {}, quiet=["--log-level", "warning"]),
        OriginalFlags(
            ORIGINAL,
            [str(INSTALLED / "trixter")],
            ["--random-seed", "1"],
            {},
            quiet_env={"RUST_LOG": "error"},
        ),
        Toxiproxy(),
        HAProxy(),
        NoProxy(),
    ]
