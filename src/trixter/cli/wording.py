"""What numbers and faults are called where people read them."""

from __future__ import annotations

from collections.abc import Mapping

from trixter.faults import (
    Corrupt,
    CorruptMode,
    Direction,
    Fault,
    Faults,
    Hold,
    Latency,
    Slice,
    Terminate,
    Throttle,
)

KIB = 1024

SIZES = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")

# Rates are set, so they are written as they were set: exactly, in the unit that makes it short.
RATES = [("GiB", KIB**3), ("GB", 10**9), ("MiB", KIB**2), ("MB", 10**6), ("KiB", KIB), ("kB", 1000)]
MOST_DECIMALS = 2

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86_400

ABBREVIATIONS = {Direction.UPSTREAM: "up", Direction.DOWNSTREAM: "down"}


def size(count_bytes: int) -> str:
    """Write how many bytes it is: ``512 B``, ``1.5 KiB``."""
    if count_bytes < KIB:
        return f"{count_bytes} B"
    number, unit = count_bytes / KIB, 0
    while number >= KIB - 0.05 and unit < len(SIZES) - 1:  # or it would be written as 1024.0
        number, unit = number / KIB, unit + 1
    return f"{number:.1f} {SIZES[unit]}"


def rate(bytes_per_s: float) -> str:
    """Write a rate without rounding it: ``64 KiB/s``, ``30 kB/s``, ``12,345 B/s``."""
    exact = [
        f"{bytes_per_s / factor:,.{MOST_DECIMALS}f}".rstrip("0").rstrip(".") + f" {unit}/s"
        for unit, factor in RATES
        if bytes_per_s >= factor and bytes_per_s * 10**MOST_DECIMALS % factor == 0
    ]
    return min(exact, key=len, default=f"{bytes_per_s:,} B/s")


def age(seconds: float) -> str:
    """Write how old something is: ``2.5 s``, ``3m05s``, ``2h07m``, ``4d01h``."""
    if seconds < MINUTE_S:
        return f"{int(seconds * 10) / 10:.1f} s"
    whole = int(seconds)
    for name, unit_s, part, part_s in (("d", DAY_S, "h", HOUR_S), ("h", HOUR_S, "m", MINUTE_S)):
        if whole >= unit_s:
            return f"{whole // unit_s}{name}{whole % unit_s // part_s:02}{part}"
    return f"{whole // MINUTE_S}m{whole % MINUTE_S:02}s"


def duration(seconds: float) -> str:
    """Write a span of time that somebody set: ``250 ms``, ``1.5 s``."""
    return f"{_milliseconds(seconds)} ms" if seconds < 1 else f"{seconds:.10g} s"


def fault(fault: Fault) -> str:
    """Write one fault with its numbers."""
    match fault:
        case Latency(delay_s=delay_s, jitter_s=0):
            return f"latency {duration(delay_s)}"
        case Latency(delay_s=delay_s, jitter_s=jitter_s):
            return f"latency {_milliseconds(delay_s)} ± {_milliseconds(jitter_s)} ms"
        case Throttle(rate_bytes_per_s=rate_bytes_per_s):
            return f"throttle {rate(rate_bytes_per_s)}"
        case Slice(size_bytes=size_bytes, variation_bytes=variation_bytes, gap_s=gap_s):
            least = f"{size_bytes - variation_bytes:,} to " if variation_bytes else ""
            gap = f" every {duration(gap_s)}" if gap_s else ""
            return f"slice {least}{size_bytes:,} B{gap}"
        case Corrupt(probability=probability, mode=mode):
            return f"corrupt {_percent(probability)}{' by flips' if mode is CorruptMode.FLIP else ''}"
        case Terminate(probability=probability):
            return f"terminate {_percent(probability)}"
        case Hold():
            return "hold"
    return type(fault).__name__.lower()


def faults(both: Mapping[Direction, Faults]) -> str:
    """Write what is wrong with both directions, in one line."""
    return "; ".join(fault_parts(both))


def fault_parts(both: Mapping[Direction, Faults]) -> list[str]:
    """Write what is wrong with both directions: first what they share, then what each has for itself."""
    up, down = (both[direction] for direction in Direction)
    shared = [each for each in up if each in down]
    parts = [_list(shared)] if shared else []
    for direction in Direction:
        own = [each for each in both[direction] if each not in shared]
        if own:
            parts.append(f"{ABBREVIATIONS[direction]}: {_list(own)}")
    return parts or ["calm"]


def _list(some: list[Fault]) -> str:
    return ", ".join(map(fault, some))


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000, 6):.10g}"


def _percent(probability: float) -> str:
    return f"{probability * 100:.6g} %"
