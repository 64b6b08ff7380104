"""Validators of settings: the ranges they accept, each checked in one place.

Every function returns nothing and raises ``SettingError``; comparisons are written so that NaN fails too,
and so does a whole number that no float can hold.
``True`` is a number to Python but never what a caller means by a delay, so booleans are refused for numbers.
"""

from __future__ import annotations

from sys import float_info
from typing import TypeGuard

from trixter.errors import SettingError


def require_seconds(name: str, value: object) -> None:
    """Require a finite span of time, 0 or more."""
    if not is_number(value) or not 0 <= value <= float_info.max:
        raise SettingError(name, value, "a number of seconds, 0 or more")


# One byte in a quarter of an hour. Slower is a stall, and its deadlines run out of floating point.
SLOWEST_BYTES_PER_S = 0.001


def require_rate(name: str, value: object) -> None:
    """Require a finite rate, or 0."""
    if not is_number(value) or not (value == 0 or SLOWEST_BYTES_PER_S <= value <= float_info.max):
        raise SettingError(name, value, f"a number of bytes per second, {SLOWEST_BYTES_PER_S} or more, or 0")


def require_bytes(name: str, value: object) -> None:
    """Require a whole number of bytes, 0 or more."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise SettingError(name, value, "a whole number of bytes, 0 or more")


def require_probability(name: str, value: object) -> None:
    """Require a probability."""
    if not is_number(value) or not 0 <= value <= 1:
        raise SettingError(name, value, "a probability between 0.0 and 1.0")


def require_switch(name: str, value: object) -> None:
    """Require on or off."""
    if not isinstance(value, bool):
        raise SettingError(name, value, "True or False")


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether it is a whole or a floating-point number, and no boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool)
