"""The units of the API: what it cannot be told is refused before anything is sent."""

from __future__ import annotations

from trixter.control import Override
from trixter.errors import SettingError
from trixter.faults import CATALOGUE, Fault
from trixter.faults.catalogue import ENTRIES
from trixter.faults.entry import MILLISECONDS, Entry, Type


def whole_ms(name: str, seconds: float) -> int:
    """Return a time in whole milliseconds.

    Raises:
        SettingError: If it is none.
    """
    milliseconds = MILLISECONDS.of(seconds)
    if not isinstance(milliseconds, int):
        raise SettingError(name, seconds, f"a whole number of {MILLISECONDS.name}, over the API")
    return milliseconds


def require_tellable(override: Override) -> None:
    """Check an override.

    Raises:
        SettingError: If the API does not know its faults, or counts in larger units.
    """
    for replaced in filter(None, (override.upstream, override.downstream)):
        for kind in (*(kind for kind, _ in replaced.keys or ()), *map(type, replaced.faults)):
            if kind not in ENTRIES:
                known = ", ".join(entry.kind.__name__ for entry in CATALOGUE)
                raise SettingError("faults", kind.__name__, f"of {known}, over the API")
        for fault in replaced.faults:
            _require_whole(ENTRIES[type(fault)], fault)
    if override.connection_duration_s is not None:
        whole_ms("connection_duration_s", override.connection_duration_s)
    if override.ttl_s is not None:
        whole_ms("ttl_s", override.ttl_s)


def _require_whole(entry: Entry, fault: Fault) -> None:
    """Refuse fractions of what Python takes some of, and the API only whole ones."""
    for each in entry.settings:
        value = getattr(fault, each.field)
        if each.takes is Type.WHOLE and each.unit and each.unit.of(value) % 1:
            raise SettingError(each.field, value, f"a whole number of {each.unit.name}, over the API")
