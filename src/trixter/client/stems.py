"""Encoding of faults for the API: each kind has a stem, and its settings are the fields of a body."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trixter.control import Swap
from trixter.errors import SettingError
from trixter.faults import CATALOGUE, Direction, Fault, Faults
from trixter.faults.catalogue import ENTRIES
from trixter.faults.entry import MILLISECONDS, Entry, Type

Body = dict[str, Any]


def bodies_of(swap: Swap, directions: tuple[Direction, ...]) -> list[dict[str, Body]]:
    """Return the bodies that make a swap, by stem, in rounds, one after another.

    In the first, each kind that goes is set to what has no name, or switched off: that takes those with names
    away, too. The others set those with names.

    Raises:
        SettingError: If the API cannot be told of the faults.
    """
    kinds = tuple(ENTRIES) if swap.kinds is None else swap.kinds
    _require_known((*kinds, *map(type, swap.faults)))
    where = {} if len(directions) == len(Direction) else {"direction": directions[0].value}
    rounds: list[dict[str, Body]] = [{}]
    for entry in map(ENTRIES.__getitem__, kinds):
        bodies = [{**body, **where} for body in _bodies_of(entry, swap.faults)]
        rounds += ({} for _ in range(len(bodies) - len(rounds)))
        for each, body in zip(rounds, bodies, strict=False):
            each[entry.stem] = body
    return rounds


def _bodies_of(entry: Entry, faults: Faults) -> list[Body]:
    """Return the bodies of one kind: of what has no name, or that switch it off, and then of what has one."""
    of_kind = sorted((fault for fault in faults if type(fault) is entry.kind), key=lambda fault: fault.name)
    if len({fault.name for fault in of_kind}) < len(of_kind):
        raise SettingError("faults", tuple(faults), "told apart by name, those of one kind, over the API")
    if not of_kind or of_kind[0].name:
        of_kind.insert(0, entry.kind())
    return [_body_of(entry, fault) for fault in of_kind]


def _body_of(entry: Entry, fault: Fault) -> Body:
    _require_whole(entry, fault)
    body = entry.to_json(fault)
    for each in entry.settings:
        if not each.is_reply_field and getattr(fault, each.field) == entry.default(each):
            del body[each.json_name]
    return body


def whole_ms(name: str, seconds: float) -> int:
    """Return a time in whole milliseconds.

    Raises:
        SettingError: If it is none.
    """
    milliseconds = MILLISECONDS.of(seconds)
    if not isinstance(milliseconds, int):
        raise SettingError(name, seconds, f"a whole number of {MILLISECONDS.name}, over the API")
    return milliseconds


def _require_known(kinds: Iterable[type[Fault]]) -> None:
    for kind in kinds:
        if kind not in ENTRIES:
            known = ", ".join(entry.kind.__name__ for entry in CATALOGUE)
            raise SettingError("faults", kind.__name__, f"of {known}, over the API")


def _require_whole(entry: Entry, fault: Fault) -> None:
    """Refuse fractions of what Python takes some of, and the API only whole ones."""
    for each in entry.settings:
        value = getattr(fault, each.field)
        if each.takes is Type.WHOLE and each.unit and each.unit.of(value) % 1:
            raise SettingError(each.field, value, f"a whole number of {each.unit.name}, over the API")
