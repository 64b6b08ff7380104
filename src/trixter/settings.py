"""Settings that the control plane and the data plane share: defaults of connections, and availability."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from trixter.errors import SettingError
from trixter.faults import NO_FAULTS, Direction, Fault, Faults
from trixter.faults.faults import as_faults
from trixter.faults.validators import seconds_of
from trixter.units import Seconds


class Availability(Enum):
    """The availability of a proxy: whether it accepts new connections, and whether it resets live ones.

    While it does not, the port still belongs to the proxy: no other program can take it.
    """

    UP = "up"
    """New connections are accepted."""

    REFUSING = "refusing"
    """New connections are refused, as if nothing listened there; live ones go on."""

    DOWN = "down"
    """New connections are refused, and live ones have been reset."""


def require_availability(value: Availability) -> None:
    """Check a value that a caller gave.

    Raises:
        SettingError: If it is no ``Availability``.
    """
    if not isinstance(value, Availability):
        accepts = "Availability.UP, Availability.REFUSING or Availability.DOWN"
        raise SettingError("availability", value, accepts)


@dataclass(frozen=True, slots=True, init=False)
class Defaults:
    """The faults of each direction, and the duration, that new connections start with.

    Args:
        upstream: Faults of the bytes that travel to the upstream; one fault alone will do.
        downstream: Faults of the bytes that travel from it; one fault alone will do.
        connection_duration_s: A connection is reset this long after it was accepted; 0 means never.

    Raises:
        SettingError: If a setting is outside its range, or a fault cannot be set in its direction.
    """

    upstream: Faults
    downstream: Faults
    connection_duration_s: float

    def __init__(
        self,
        *,
        upstream: Faults | Fault = NO_FAULTS,
        downstream: Faults | Fault = NO_FAULTS,
        connection_duration_s: Seconds = 0.0,
    ) -> None:
        duration_s = seconds_of("connection_duration_s", connection_duration_s)
        object.__setattr__(self, "upstream", as_faults(upstream, Direction.UPSTREAM))
        object.__setattr__(self, "downstream", as_faults(downstream, Direction.DOWNSTREAM))
        object.__setattr__(self, "connection_duration_s", duration_s)

    def faults(self, direction: Direction) -> Faults:
        """Return the faults of one direction."""
        return self.upstream if direction is Direction.UPSTREAM else self.downstream

    def with_faults(self, direction: Direction, faults: Faults | Fault) -> Defaults:
        """Return a copy with other faults in one direction."""
        if direction is Direction.UPSTREAM:
            return replace(self, upstream=as_faults(faults, direction))
        return replace(self, downstream=as_faults(faults, direction))
