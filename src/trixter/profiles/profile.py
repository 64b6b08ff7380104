"""A profile: a network that has a name."""

from __future__ import annotations

from dataclasses import dataclass

from trixter.faults import Direction, Faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Hold the faults that imitate a network, and where its numbers are from.

    Args:
        name: What it is called.
        upstream: The faults of bytes to the upstream.
        downstream: The faults of bytes from it.
        source: Who published the numbers, and what the network is called there.
        down_kbit: The published rate of downloads, as the source counts; ``None`` if there is none.
        up_kbit: The published rate of uploads.
        round_trip_ms: The published round trip.
        jitter_ms: How much the round trip varies, up and down.
        loss_percent: The published loss of packets, which is not imitated: see ``notes``.
        notes: What else to know.
    """

    name: str
    upstream: Faults
    downstream: Faults
    source: str = ""
    down_kbit: float | None = None
    up_kbit: float | None = None
    round_trip_ms: float = 0
    jitter_ms: float = 0
    loss_percent: float = 0
    notes: str = ""

    def faults(self, direction: Direction) -> Faults:
        """Return the faults of one direction."""
        return self.upstream if direction is Direction.UPSTREAM else self.downstream
