"""How faults travel to the API: each kind has a stem, and its settings are the fields of a body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trixter.control import Swap
from trixter.errors import SettingError
from trixter.faults import CATALOGUE, Direction, Fault, Faults
from trixter.faults.catalogue import ENTRIES
from trixter.faults.entry import MILLISECONDS, Entry, Type

Body = dict[str, Any]


def bodies_of(swap: Swap, directions: tuple[Direction, ...]) -> dict[str, Body]:
    """Return the bodies that make a swap, by stem; what goes and does not come again is switched off.

    Raises:
        SettingError: If the API has no words for the faults.
    """
    kinds = tuple(ENTRIES) if swap.kinds is None else swap.kinds
    _require_kinds(kinds, swap.faults)
    where = {} if len(directions) == len(Direction) else {"direction": directions[0].value}
    entries = [ENTRIES[kind] for kind in kinds]
    return {each.stem: {**_body_of(each, swap.faults), **where} for each in entries}


def _body_of(entry: Entry, faults: Faults) -> Body:
    fault = faults.find(entry.kind) or entry.kind()
    return {
        each.json_name: each.to_json(getattr(fault, each.field))
        for each in entry.settings
        if each.is_reply_field or getattr(fault, each.field) != entry.default(each)
    }


def whole_ms(name: str, seconds: float) -> int:
    """Return a time in whole milliseconds.

    Raises:
        SettingError: If it is none.
    """
    milliseconds = MILLISECONDS.of(seconds)
    if not isinstance(milliseconds, int):
        raise SettingError(name, seconds, f"a whole number of {MILLISECONDS.name}, over the API")
    return milliseconds


def _require_kinds(kinds: tuple[type[Fault], ...], faults: Faults) -> None:
    for kind in (*kinds, *map(type, faults)):
        if kind not in ENTRIES:
            known = ", ".join(entry.kind.__name__ for entry in CATALOGUE)
            raise SettingError("faults", kind.__name__, f"of {known}, over the API")
    for kind, fault in _first_of_each_kind(faults):
        if any(fault is not other for other in faults if type(other) is kind):
            raise SettingError("faults", tuple(faults), "at most one of each kind, over the API")
        _require_whole(ENTRIES[kind], fault)


def _require_whole(entry: Entry, fault: Fault) -> None:
    """Refuse fractions of what Python takes some of, and the API only whole ones."""
    for each in entry.settings:
        value = getattr(fault, each.field)
        if each.takes is Type.WHOLE and each.unit and each.unit.of(value) % 1:
            raise SettingError(each.field, value, f"a whole number of {each.unit.name}, over the API")


def _first_of_each_kind(faults: Faults) -> Iterator[tuple[type[Fault], Fault]]:
    yield from {type(fault): fault for fault in reversed(faults)}.items()
