"""Formatting of numbers and faults for people to read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from trixter.faults import Direction, Fault, Faults
from trixter.faults.catalogue import ENTRIES
from trixter.faults.entry import BYTES_PER_S, MILLISECONDS, Setting, Type

KIB = 1024

SIZES = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")

# Rates are settings, so they are written exactly, in the unit that makes them short.
RATES = [("GiB", KIB**3), ("GB", 10**9), ("MiB", KIB**2), ("MB", 10**6), ("KiB", KIB), ("kB", 1000)]
MOST_DECIMALS = 2

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86_400

ABBREVIATIONS = {Direction.UPSTREAM: "up", Direction.DOWNSTREAM: "down"}


def size(count_bytes: int) -> str:
    """Return a number of bytes as text: ``512 B``, ``1.5 KiB``."""
    if count_bytes < KIB:
        return f"{count_bytes} B"
    number, unit = count_bytes / KIB, 0
    while number >= KIB - 0.05 and unit < len(SIZES) - 1:  # else it would be rounded to 1024.0
        number, unit = number / KIB, unit + 1
    return f"{number:.1f} {SIZES[unit]}"


def counted(connections: int) -> str:
    """Return the number of connections as text."""
    if connections == 0:
        return "no connections"
    return f"{connections:,} connection{'s' if connections > 1 else ''}"


def tally(counts: Mapping[str, int]) -> str:
    """Return counters as text, the largest first: ``12 closed, 1 reset by client``."""
    most_first = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{count:,} {name}" for name, count in most_first)


def traffic(bytes_up: int, bytes_down: int) -> str:
    """Return the bytes of both directions as text: ``↑ 78 B ↓ 1.5 KiB``."""
    return f"↑ {size(bytes_up)} ↓ {size(bytes_down)}"


def rate(bytes_per_s: float) -> str:
    """Return a rate as text, without rounding it: ``64 KiB/s``, ``30 kB/s``, ``12,345 B/s``."""
    exact = [
        f"{bytes_per_s / factor:,.{MOST_DECIMALS}f}".rstrip("0").rstrip(".") + f" {unit}/s"
        for unit, factor in RATES
        if bytes_per_s >= factor and bytes_per_s * 10**MOST_DECIMALS % factor == 0
    ]
    return min(exact, key=len, default=f"{bytes_per_s:,} B/s")


def age(seconds: float) -> str:
    """Return an age as text: ``0.8 ms``, ``503 ms``, ``2.5 s``, ``3m05s``, ``2h07m``, ``4d01h``."""
    if seconds < 1:
        return f"{int(seconds * 1000)} ms" if seconds >= 0.01 else f"{int(seconds * 10_000) / 10:.1f} ms"
    if seconds < MINUTE_S:
        return f"{int(seconds * 10) / 10:.1f} s"
    whole = int(seconds)
    for name, unit_s, part, part_s in (("d", DAY_S, "h", HOUR_S), ("h", HOUR_S, "m", MINUTE_S)):
        if whole >= unit_s:
            return f"{whole // unit_s}{name}{whole % unit_s // part_s:02}{part}"
    return f"{whole // MINUTE_S}m{whole % MINUTE_S:02}s"


def duration(seconds: float) -> str:
    """Return a duration that was set as text: ``250 ms``, ``1.5 s``."""
    return f"{_milliseconds(seconds)} ms" if seconds < 1 else f"{seconds:.10g} s"


def fault(fault: Fault) -> str:
    """Return one fault with its numbers as text, in the form that its catalogue entry gives."""
    entry = ENTRIES.get(type(fault))
    if entry is None:
        return type(fault).__name__.lower()
    words = [entry.name]
    for each, following in zip(entry.settings, [*entry.settings[1:], None], strict=True):
        value = getattr(fault, each.field)
        spread = getattr(fault, following.field) if following and following.varies else 0
        text = _range(each, value, spread, following) if following and spread else _value(each, value)
        if each is entry.first:
            words.append(text)
        elif each.phrase and value != entry.default(each):
            words.append(each.phrase.format(text))
    if fault.name:
        words.append(f"({printable(fault.name)})")
    return " ".join(filter(None, words))


def faults(both: Mapping[Direction, Faults], *, none: str = "none") -> str:
    """Return the faults of both directions as one line; ``none`` if there are none."""
    return "; ".join(fault_parts(both)) if any(both.values()) else none


def fault_parts(both: Mapping[Direction, Faults]) -> list[str]:
    """Return the faults of both directions as text: the shared ones, then those of one direction."""
    up, down = (both[direction] for direction in Direction)
    shared = [each for each in up if each in down]
    parts = [_list(shared)] if shared else []
    for direction in Direction:
        own = [each for each in both[direction] if each not in shared]
        if own:
            parts.append(f"{ABBREVIATIONS[direction]}: {_list(own)}")
    return parts or ["none"]


def _list(some: list[Fault]) -> str:
    return ", ".join(map(fault, some))


def _value(setting: Setting, value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if setting.takes is Type.PROBABILITY:
        return _percent(value)
    if setting.unit is MILLISECONDS:
        return duration(value)
    if setting.unit is BYTES_PER_S:
        return rate(value)
    return f"{value:,} {setting.unit.symbol}" if setting.unit else ""  # a switch that is on needs no text


def _range(setting: Setting, value: float, spread: float, of: Setting) -> str:
    """Return a value that varies as text, with its unit once."""
    assert setting.unit is not None
    if of.varies == "below":
        return f"{_number(setting, value - spread)} to {_number(setting, value)} {setting.unit.symbol}"
    return f"{_number(setting, value)} ± {_number(setting, spread)} {setting.unit.symbol}"


def _number(setting: Setting, value: float) -> str:
    return _milliseconds(value) if setting.unit is MILLISECONDS else f"{value:,}"


def _milliseconds(seconds: float) -> str:
    return f"{MILLISECONDS.of(seconds):.10g}"


def _percent(probability: float) -> str:
    return f"{probability * 100:.6g} %"


def printable(text: str) -> str:
    """Escape characters that would break the line, move the cursor or reverse the writing direction."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
