"""The faults of the network while a relay is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """Settings of the faults, in both directions; 0 is off."""

    delay_ms: int = 0
    rate_bytes: int = 0
    slice_bytes: int = 0
    probability: float = 0.0


NO_FAULTS = Network()
UNFELT = Network(rate_bytes=10**10, slice_bytes=10**9, probability=1e-9)
"""Every fault that can be set without an effect on the traffic."""
