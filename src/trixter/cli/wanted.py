"""The faults that flags ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trixter.faults import CATALOGUE, Fault, Faults
from trixter.faults.entry import Entry

MS_PER_S = 1000


@dataclass(frozen=True)
class FaultFlags:
    """Hold what the flags of the catalogue say.

    Args:
        values: Those that were given, in the flag's own unit, by the names of their options. 0 means that the
            fault is to be off.
    """

    values: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def taken_from(cls, values: dict[str, Any]) -> FaultFlags:
        """Take the flags of faults out of the values of a command; what is left is of others."""
        options = [each.flag.option for entry in CATALOGUE for each in entry.settings if each.flag]
        taken = {option: values.pop(option, None) for option in options}
        return cls({option: value for option, value in taken.items() if value is not None})

    def changes_of(self, faults: Faults) -> list[Fault]:
        """Return the faults to put in place of those of their kind.

        Args:
            faults: Those that a flag which was not given leaves a setting of, beside one that was.

        Raises:
            SettingError: If a value is outside its range.
        """
        changes = (self._change_of(entry, faults.find(entry.kind) or entry.kind()) for entry in CATALOGUE)
        return [change for change in changes if change is not None]

    def over(self, faults: Faults) -> Faults:
        """Return those faults with what was asked for in place of what they say."""
        for fault in self.changes_of(faults):
            faults = faults.with_fault(fault)
        return faults

    def _change_of(self, entry: Entry, former: Fault) -> Fault | None:
        settings: dict[str, Any] = {}
        is_asked_for = False
        for each in entry.settings:
            if each.flag is None:
                continue  # what flags cannot set has its default, so that flags alone say what there is
            settings[each.field] = getattr(former, each.field)
            if each.flag.option in self.values:
                settings[each.field] = each.from_json(self.values[each.flag.option])
                is_asked_for = True
        return entry.kind(**settings) if is_asked_for else None


NO_FLAGS = FaultFlags()
"""None was given."""
