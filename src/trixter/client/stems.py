"""How faults travel to the API: each kind has a stem, and its settings are the fields of a body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from trixter.api.status import describe
from trixter.control import Swap
from trixter.errors import SettingError
from trixter.faults import Corrupt, Direction, Fault, Faults, Hold, Latency, Slice, Terminate, Throttle

STEMS: dict[type[Fault], str] = {
    Latency: "delay",
    Throttle: "throttle",
    Slice: "slice",
    Terminate: "termination",
    Corrupt: "corruption",
    Hold: "hold",
}
"""What the API calls each kind."""

Body = dict[str, Any]


def bodies_of(swap: Swap, directions: tuple[Direction, ...]) -> dict[str, Body]:
    """Return the bodies that make a swap, by stem; what goes and does not come again is switched off.

    Raises:
        SettingError: If the API has no words for the faults.
    """
    kinds = tuple(STEMS) if swap.kinds is None else swap.kinds
    _require_kinds(kinds, swap.faults)
    # Answers show faults in the form in which requests set them.
    described = msgspec.to_builtins(describe(swap.faults).everything)
    where = {} if len(directions) == len(Direction) else {"direction": directions[0].value}
    return {stem: {**described[stem], **where} for stem in map(STEMS.__getitem__, kinds)}


def whole_ms(name: str, seconds: float) -> int:
    """Return a time in whole milliseconds.

    Raises:
        SettingError: If it is none.
    """
    milliseconds = round(seconds * 1000, 6)
    if milliseconds != int(milliseconds):
        raise SettingError(name, seconds, "a whole number of milliseconds, over the API")
    return int(milliseconds)


def _require_kinds(kinds: tuple[type[Fault], ...], faults: Faults) -> None:
    for kind in (*kinds, *map(type, faults)):
        if kind not in STEMS:
            raise SettingError("faults", kind.__name__, f"of {', '.join(map(_name_of, STEMS))}, over the API")
    for kind, fault in _first_of_each_kind(faults):
        if any(fault is not other for other in faults if type(other) is kind):
            raise SettingError("faults", tuple(faults), "at most one of each kind, over the API")
        if isinstance(fault, Latency):
            whole_ms("delay_s", fault.delay_s)
        if isinstance(fault, Throttle) and fault.rate_bytes_per_s != int(fault.rate_bytes_per_s):
            accepts = "a whole number of bytes per second, over the API"
            raise SettingError("rate_bytes_per_s", fault.rate_bytes_per_s, accepts)


def _first_of_each_kind(faults: Faults) -> Iterator[tuple[type[Fault], Fault]]:
    yield from {type(fault): fault for fault in reversed(faults)}.items()


def _name_of(kind: type[Fault]) -> str:
    return kind.__name__
