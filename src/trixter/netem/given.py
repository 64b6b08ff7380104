"""Faults as callers give them: one alone, or several."""

from __future__ import annotations

from trixter.errors import SettingError
from trixter.faults import Fault, Faults

GivenFaults = Fault | Faults
"""The faults of one direction, or the only one."""


def as_faults(given: GivenFaults, name: str = "faults") -> Faults:
    """Return the faults that were given; one alone makes a set of its own.

    Args:
        given: A fault, or faults.
        name: The parameter, for the error.

    Raises:
        SettingError: If it is neither.
    """
    if isinstance(given, Fault):
        return Faults(given)
    if not isinstance(given, Faults):
        raise SettingError(name, given, "a fault, such as Latency(delay_s=0.25), or Faults")
    return given
