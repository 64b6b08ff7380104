"""Validators of settings: the ranges they accept, each checked in one place.

Every function raises ``SettingError``; comparisons are written so that NaN fails too, and so does a whole
number that no float can hold. ``True`` is a number to Python but never what a caller means by a delay, so
booleans are refused for numbers. Times and rates are returned as numbers, however they were given.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from sys import float_info
from typing import TypeGuard

from trixter.errors import SettingError
from trixter.units import RATE_SPELLINGS, SECONDS_SPELLINGS, format_seconds, parse_rate, parse_seconds

# Other tools take milliseconds, so 250 may be meant as such. A delay of a quarter of an hour is rare enough
# to be written with its unit, and one in milliseconds is hardly ever less than 60.
LONGEST_BARE_S = 60

# One byte in a quarter of an hour. Slower is a stall, and its deadlines run out of floating point.
SLOWEST_BYTES_PER_S = 0.001


def seconds_of(name: str, value: object) -> float:
    """Return the number of seconds of a finite span of time, 0 or more."""
    return _seconds_of(name, value, "0 or more")


def positive_seconds_of(name: str, value: object) -> float:
    """Return the number of seconds of a finite span of time, more than 0."""
    seconds = _seconds_of(name, value, "more than 0")
    if not seconds:
        raise SettingError(name, value, "a number of seconds, more than 0")
    return seconds


def _seconds_of(name: str, value: object, accepts: str) -> float:
    number = value.total_seconds() if isinstance(value, timedelta) else _parsed(value, parse_seconds)
    if isinstance(number, str):
        raise SettingError(
            name, value, f"a number of seconds, {accepts}, or text such as {SECONDS_SPELLINGS}"
        )
    if not is_number(number) or not 0 <= number <= float_info.max:
        raise SettingError(name, value, f"a number of seconds, {accepts}")
    return number


def short_seconds_of(name: str, value: object) -> float:
    """Return the same, but refuse a bare number of more than a minute: it may be meant as milliseconds."""
    seconds = seconds_of(name, value)
    if is_number(value) and value > LONGEST_BARE_S:
        accepts = (
            f'written with its unit if it is more than a minute, "{value}ms" or '
            f'"{format_seconds(value)}" (or timedelta(seconds={value}))'
        )
        raise SettingError(name, value, accepts)
    return seconds


def rate_of(name: str, value: object) -> float:
    """Return the bytes per second of a finite rate, or 0."""
    number = _parsed(value, parse_rate)
    if isinstance(number, str):
        raise SettingError(name, value, f"a number of bytes per second, or text such as {RATE_SPELLINGS}")
    if not is_number(number) or not (number == 0 or SLOWEST_BYTES_PER_S <= number <= float_info.max):
        raise SettingError(name, value, f"a number of bytes per second, {SLOWEST_BYTES_PER_S} or more, or 0")
    return number


def normalize(settings: object, field: str, number_of: Callable[[str, object], float]) -> None:
    """Replace a field of frozen settings, as they are made, by the number that it stands for."""
    object.__setattr__(settings, field, number_of(field, getattr(settings, field)))


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


def _parsed(value: object, parse: Callable[[str], float]) -> object:
    """Return the number that a text stands for; a text without one, and all else, as it is."""
    if isinstance(value, str):
        with suppress(ValueError):
            return parse(value)
    return value


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether it is a whole or a floating-point number, and no boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool)
