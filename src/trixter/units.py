"""Units of times and rates as text, such as ``"250ms"`` and ``"1mbit"``: parsers, and exact formatters."""

from __future__ import annotations

import re
from datetime import timedelta

Seconds = float | timedelta | str
"""A span of time: a number of seconds, a ``timedelta``, or text with a unit, such as ``"250ms"``."""

Rate = float | str
"""A rate: a number of bytes per second, or text with a unit, such as ``"1mbit"`` or ``"64KiB/s"``."""

SECONDS_SPELLINGS = '"250ms", "1.5s" or "2min", a unit of us, ms, s, min or h'
RATE_SPELLINGS = '"512kbit", "1mbit" or "1gbit" (bits), "500kB/s", "64KiB/s" or "2MB/s" (bytes)'

# Divided by where that is exact more often: 290 / 1000 is 0.29, and 290 * 0.001 is not.
_PER_SECOND = {"us": 1_000_000, "ms": 1000, "s": 1}
_SECONDS = {"min": 60, "h": 3600}

# Bits are those of tc. Its kbps and mbps are bytes, and elsewhere bits, so they are refused like all that is
# read in two ways: b for bit or byte, and K for 1000 or 1024.
_BITS = {"bit": 1, "kbit": 1000, "mbit": 1000**2, "gbit": 1000**3}
_BYTES = {
    "B/s": 1,
    "kB/s": 1000,
    "MB/s": 1000**2,
    "GB/s": 1000**3,
    "KiB/s": 1024,
    "MiB/s": 1024**2,
    "GiB/s": 1024**3,
}

_NUMBER_AND_UNIT = re.compile(
    r"\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?)\s*([a-zA-Z/]+)\s*"
)


def parse_seconds(text: str) -> float:
    """Return the seconds that a text stands for; the unit must be there.

    Raises:
        ValueError: If it is not a number with one of the units.
    """
    number, unit = _split(text)
    if unit in _PER_SECOND:
        return number / _PER_SECOND[unit]
    if unit in _SECONDS:
        return number * _SECONDS[unit]
    raise ValueError(f"no unit of time: {unit!r}")


def format_seconds(seconds: float) -> str:
    """Return the text that ``parse_seconds`` reads as exactly this number."""
    return f"{seconds}s"


def parse_rate(text: str) -> float:
    """Return the bytes per second that a text stands for; the unit must be there.

    Raises:
        ValueError: If it is not a number with one of the units, or the unit is read in two ways.
    """
    number, unit = _split(text)
    if unit in _BYTES:
        return number * _BYTES[unit]
    bits = unit.lower().removesuffix("/s")
    if bits in _BITS:
        return number * _BITS[bits] / 8
    raise ValueError(f"no unit of a rate: {unit!r}")


def format_rate(rate_bytes_per_s: float) -> str:
    """Return the text that ``parse_rate`` reads as exactly this number."""
    return f"{rate_bytes_per_s}B/s"


def _split(text: str) -> tuple[float, str]:
    found = _NUMBER_AND_UNIT.fullmatch(text)
    if found is None:
        raise ValueError(f"no number with a unit: {text!r}")
    return float(found[1]), found[2]
