"""An entry of the catalogue: what there is to say about one fault, once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, NamedTuple

from trixter.faults.fault import Fault


class Type(Enum):
    """Name what a setting takes where it is not Python: in JSON, on the command line, in TOML."""

    WHOLE = "integer"
    NUMBER = "number"
    PROBABILITY = "probability"
    SWITCH = "boolean"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Unit:
    """Name what a number counts outside of Python.

    Args:
        name: In full, in the plural.
        metavar: What the help shows in place of a value.
        symbol: What stands behind a number of them.
        scale: How many of them are one of the unit that the setting has in Python.
        is_whole: Whether the setting takes no fractions in Python, either.
    """

    name: str
    metavar: str
    symbol: str
    scale: int = 1
    is_whole: bool = False

    def of(self, value: float) -> float:
        """Return how many of them a value of Python's is: whole where it can be, and to a millionth."""
        # 0.29 s is 290 ms, not 289.99999999999994.
        number = value if self.scale == 1 else round(value * float(self.scale), 6)
        return int(number) if number == int(number) else number


MILLISECONDS = Unit("milliseconds", "MS", "ms", scale=1000)
BYTES = Unit("bytes", "BYTES", "B", is_whole=True)
BYTES_PER_S = Unit("bytes per second", "BYTES/S", "B/s")


class FlagSpec(NamedTuple):
    """Describe the flag that sets a setting.

    Args:
        name: As it is written.
        help: What it does, in one sentence.
    """

    name: str
    help: str

    @property
    def option(self) -> str:
        """The name under which its value is kept."""
        return self.name.removeprefix("--").replace("-", "_")


@dataclass(frozen=True, slots=True)
class Setting:
    """Describe one setting of a fault.

    Args:
        field: Its name in Python, with Python's unit.
        json_name: Its name in JSON, with the unit of there.
        takes: Which values it takes there.
        unit: What a number counts; ``None`` where there is nothing to count.
        meaning: What it does, in a few words.
        flag: The flag that sets it; ``None`` if there is none.
        choices: What a choice is made of.
        phrase: How ``ls`` says it, behind the first setting, if it is not at its default; ``{}`` is the
            value. Empty: not at all.
        varies: Whether it makes the setting before it a range: that ends there, or has it in the middle.
        is_reply_field: Whether replies have it at its default, too; those of the original have fewer fields.
    """

    field: str
    json_name: str
    takes: Type
    unit: Unit | None
    meaning: str
    flag: FlagSpec | None = None
    choices: type[Enum] | None = None
    phrase: str = ""
    varies: Literal["", "below", "around"] = ""
    is_reply_field: bool = True

    def to_json(self, value: Any) -> Any:
        """Return a value of Python's as it is in JSON; numbers are whole where they can be."""
        if isinstance(value, Enum):
            return value.value
        if self.takes is Type.PROBABILITY:
            return float(value)
        return value if self.unit is None or self.unit.is_whole else self.unit.of(value)

    def from_json(self, value: Any) -> Any:
        """Return a value of JSON's, of the right type, as it is in Python."""
        if self.choices is not None:
            return self.choices(value)
        return value if self.unit is None or self.unit.scale == 1 else value / self.unit.scale


@dataclass(frozen=True)
class Entry:
    """Describe one fault.

    Args:
        kind: The class of its settings.
        stem: Its name in the API: the last part of a path, and the field that holds it.
        summary: What it does, in one sentence.
        settings: The one that switches it on first: bodies must have it, and the mark's keyword sets it.
        in_profiles: Whether profiles have a key for each setting.
    """

    kind: type[Fault]
    stem: str
    summary: str
    settings: Sequence[Setting]
    in_profiles: bool = True
    name: str = field(init=False)
    """In words of Python: the method, the keyword of the mark, and what ``ls`` calls it."""

    def __post_init__(self) -> None:
        name = re.sub("(?<=[a-z])(?=[A-Z])", "_", self.kind.__name__).lower()
        object.__setattr__(self, "name", name)

    @property
    def first(self) -> Setting:
        """The setting that switches it on."""
        return self.settings[0]

    def default(self, setting: Setting) -> Any:
        """Return what a setting is in Python if nothing is said."""
        return self.kind.__dataclass_fields__[setting.field].default

    def with_first(self, value: Any) -> Fault:
        """Return the fault with that value, one of Python's, for its first setting.

        Raises:
            SettingError: If it is outside its range.
        """
        return self.kind(**{self.first.field: value})

    def to_json(self, fault: Fault) -> dict[str, Any]:
        """Return the settings of a fault of this kind by their names in JSON, and its name if it has one."""
        named = {"name": fault.name} if fault.name else {}
        return {each.json_name: each.to_json(getattr(fault, each.field)) for each in self.settings} | named

    def from_json(self, values: Mapping[str, Any]) -> Fault:
        """Return the fault with these settings, and this ``name``; one that is left out has its default.

        Raises:
            SettingError: If one is outside its range.
        """
        said = {each.field: each for each in self.settings if each.json_name in values}
        settings = {name: each.from_json(values[each.json_name]) for name, each in said.items()}
        return self.kind(name=values.get("name", ""), **settings)
