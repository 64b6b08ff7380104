"""The tables of the faults in docs/faults.md and README.md, as they follow from the catalogue."""

from __future__ import annotations

from collections.abc import Iterable

from trixter.faults.entry import Entry
from trixter.profiles.profile import key_of

HEAD = "| fault | settings in Python | flags | in the API | keys of a profile |"
SHORT_HEAD = "| fault | what it does | option | in the API |"


def row_of(entry: Entry) -> str:
    """Return the row of one fault."""
    fields = ", ".join(each.field for each in entry.settings)
    flags = _codes(each.flag.name for each in entry.settings)
    json_names = _codes(each.json_name for each in entry.settings)
    keys = _codes(key_of(entry, each) for each in entry.settings) if entry.in_profiles else ""
    cells = [
        f"`{entry.name}`",
        f"`{entry.kind.__name__}({fields})`",
        flags,
        f"`{entry.stem}`: {json_names}",
        keys,
    ]
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def short_row_of(entry: Entry, what_it_does: str) -> str:
    """Return the row of one fault in README.md, where its first flag stands for all of them."""
    flag = next(each.flag.name for each in entry.settings if each.flag)
    return f"| {entry.name} | {what_it_does} | `{flag}` | `{entry.stem}` |"


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
