"""What answers carry: one struct for each shape, which encodes it and describes it.

Fields of the original come first and keep their order; ours follow them.
"""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from trixter.api.bodies import DoorName, Mode

State = Literal["open", "dialling"]
"""Of a connection: its upstream has answered, or not yet."""

Number = int | float
"""Whole where it can be: ``250``, as it was asked for, not ``250.0``."""

# gc=False throughout: answers hold no cycles, and ten thousand of them must not set the collector off
# on the loop that carries the traffic.


class Delay(Struct, frozen=True, gc=False):
    """Latency in force."""

    delay_ms: Number
    jitter_ms: Number


class Throttle(Struct, frozen=True, gc=False):
    """A rate in force."""

    rate_bytes: Number
    queue_bytes: int | UnsetType = UNSET
    """Left out where the rate decides, as in the original's answers."""


class Slice(Struct, frozen=True, gc=False):
    """Slicing in force."""

    size_bytes: int
    variation_bytes: int
    gap_ms: Number


class Termination(Struct, frozen=True, gc=False):
    """Random resets in force."""

    probability_rate: float


class Corruption(Struct, frozen=True, gc=False):
    """Corruption in force."""

    probability_rate: float
    mode: Mode


class Hold(Struct, frozen=True, gc=False):
    """A hold in force, or none."""

    held: bool


class FaultsOn(Struct, frozen=True, gc=False, kw_only=True):
    """The faults of one direction that are on."""

    delay: Delay | UnsetType = UNSET
    throttle: Throttle | UnsetType = UNSET
    slice: Slice | UnsetType = UNSET
    termination: Termination | UnsetType = UNSET
    corruption: Corruption | UnsetType = UNSET
    hold: Hold | UnsetType = UNSET


class AllFaults(Struct, frozen=True, gc=False, kw_only=True):
    """All faults of one direction; what is off is zero, or false."""

    delay: Delay
    throttle: Throttle
    slice: Slice
    termination: Termination
    corruption: Corruption
    hold: Hold


class ConnInfo(Struct, frozen=True, gc=False):
    """Which connection it is."""

    id: str
    downstream: str
    upstream: str


class Duration(Struct, frozen=True, gc=False):
    """A span of time as Rust writes it."""

    secs: int
    nanos: int


class PerDirection(Struct, frozen=True, gc=False):
    """A number of bytes for each direction."""

    upstream: int
    downstream: int


class FaultsPerDirection(Struct, frozen=True, gc=False):
    """What is wrong with each direction."""

    upstream: FaultsOn
    downstream: FaultsOn


class Status(Struct, frozen=True, gc=False, kw_only=True):
    """One connection. Where its directions differ, the original's fields show the greater value."""

    conn_info: ConnInfo
    delay: Duration
    throttle_rate: int
    slice_size: int
    terminate_probability_rate: float
    corrupt_probability_rate: float
    age_ms: int
    bytes: PerDirection
    held_bytes: PerDirection
    faults: FaultsPerDirection
    state: State = "open"


class DefaultsReply(Struct, frozen=True, gc=False):
    """What new connections start with."""

    upstream: AllFaults
    downstream: AllFaults
    connection_duration_ms: Number


class Stats(Struct, frozen=True, gc=False):
    """What a proxy has counted since it was made, connections that are over included."""

    connections_accepted: int
    connections_open: int
    bytes: PerDirection
    ended: dict[str, int]
    connections_dialling: int = 0


class ProxyReply(Struct, frozen=True, gc=False):
    """The proxy itself."""

    listen: list[str]
    upstream: str
    door: DoorName
    stats: Stats


class ErrorReply(Struct, frozen=True, gc=False):
    """Why a call was refused, or that it failed: a text for people, and a word for programs."""

    error: str
    code: str
