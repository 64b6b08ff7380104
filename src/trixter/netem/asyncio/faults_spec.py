"""Specs of faults, as callers give them: one alone, or several, or a pair of that."""

from __future__ import annotations

from trixter.errors import SettingError
from trixter.faults import Direction, Fault, Faults
from trixter.faults.faults import as_faults

FaultsSpec = Fault | Faults
"""The faults of one direction, or the only one."""

FaultsPairSpec = FaultsSpec | tuple[FaultsSpec, FaultsSpec]
"""A fault or several, of both directions; or a pair of that: upstream, downstream."""


def as_pair(given: FaultsPairSpec) -> tuple[Faults, Faults]:
    """Return the faults upstream, and those downstream.

    Raises:
        SettingError: If they are neither faults nor a pair of them.
    """
    pair = given if isinstance(given, tuple) and not isinstance(given, Faults) else (given, given)
    if not (len(pair) == 2 and all(isinstance(each, Fault | Faults) for each in pair)):
        raise SettingError("faults", given, "a fault or Faults, or a pair of them: upstream, downstream")
    return as_faults(pair[0]), as_faults(pair[1])


def by_direction(upstream: FaultsSpec, downstream: FaultsSpec) -> dict[Direction, Faults]:
    """Return the faults of each direction.

    Raises:
        SettingError: If one is given something else than faults.
    """
    return {
        Direction.UPSTREAM: as_faults(upstream, "upstream"),
        Direction.DOWNSTREAM: as_faults(downstream, "downstream"),
    }
