"""What new connections start with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trixter.errors import SettingError
from trixter.faults import CALM, Direction, Faults
from trixter.faults.ranges import require_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """Hold the faults, of each direction, and the duration that new connections start with.

    Args:
        upstream: Faults of the bytes that travel to the upstream.
        downstream: Faults of the bytes that travel from it.
        duration_s: A connection is reset this long after it was accepted; 0 means never.

    Raises:
        SettingError: If a setting is outside its range.
    """

    upstream: Faults = CALM
    downstream: Faults = CALM
    duration_s: float = 0.0

    def __post_init__(self) -> None:
        for direction in Direction:
            if not isinstance(self.faults(direction), Faults):
                raise SettingError(direction.value, self.faults(direction), "Faults(...)")
        require_seconds("duration_s", self.duration_s)

    def faults(self, direction: Direction) -> Faults:
        """Return the faults of one direction."""
        return self.upstream if direction is Direction.UPSTREAM else self.downstream

    def with_faults(self, direction: Direction, faults: Faults) -> Defaults:
        """Return these with other faults in one direction."""
        if direction is Direction.UPSTREAM:
            return replace(self, upstream=faults)
        return replace(self, downstream=faults)
