"""Entries of the catalogue: the one description of a fault that all other rooms use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, NamedTuple

from trixter.faults.fault import Fault, kind_name


class Type(Enum):
    """The type of a setting's values outside of Python: in JSON, on the command line, in TOML."""

    WHOLE = "integer"
    NUMBER = "number"
    PROBABILITY = "probability"
    SWITCH = "boolean"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of a number outside of Python.

    Args:
        name: In full, in the plural.
        metavar: The placeholder for a value in the help.
        symbol: The symbol behind a number.
        scale: The number of these units in one of Python's unit.
        is_whole: Whether the setting takes no fractions in Python, either.
    """

    name: str
    metavar: str
    symbol: str
    scale: int = 1
    is_whole: bool = False

    def of(self, value: float) -> float:
        """Return a value of Python's in this unit: whole where it can be, and to a millionth."""
        # 0.29 s is 290 ms, not 289.99999999999994.
        number = value if self.scale == 1 else round(value * float(self.scale), 6)
        return int(number) if number == int(number) else number


MILLISECONDS = Unit("milliseconds", "MS", "ms", scale=1000)
BYTES = Unit("bytes", "BYTES", "B", is_whole=True)
BYTES_PER_S = Unit("bytes per second", "BYTES/S", "B/s")


class FlagSpec(NamedTuple):
    """The flag that sets a setting.

    Args:
        name: As it is written.
        help: Its effect: a noun or an order, with the unit.
    """

    name: str
    help: str

    @property
    def option(self) -> str:
        """The name under which its value is kept."""
        return self.name.removeprefix("--").replace("-", "_")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a fault.

    Args:
        field: Its name in Python, with Python's unit.
        json_name: Its name in JSON, with JSON's unit.
        takes: The type of its values in JSON.
        unit: The unit of its values outside of Python; ``None`` if they have none.
        meaning: Its effect, in a few words.
        flag: The flag that sets it.
        choices: The values of a choice.
        phrase: The text of ``ls`` for it, behind the first setting, if it is not at its default; ``{}`` is
            the value. Empty: ``ls`` leaves it out.
        varies: ``below`` or ``around``: the setting before it is the upper end, or the middle, of a range.
        is_reply_field: Whether replies have it at its default, too; the original's replies have fewer fields.
    """

    field: str
    json_name: str
    takes: Type
    unit: Unit | None
    meaning: str
    flag: FlagSpec
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
        if self.unit is None or self.unit.scale == 1:
            return value
        return f"{value}{self.unit.symbol}"  # with its unit, so that it may be as long as it likes


@dataclass(frozen=True)
class Entry:
    """One fault, as all rooms but its own file see it.

    Args:
        kind: Its class, the settings.
        stem: Its name in the API: the last part of a path, and the field that holds it.
        summary: Its effect, in one sentence.
        settings: The one that switches it on first: bodies must have it, and the mark's keyword sets it.
        in_profiles: Whether profiles have a key for each setting.
    """

    kind: type[Fault]
    stem: str
    summary: str
    settings: Sequence[Setting]
    in_profiles: bool = True
    name: str = field(init=False)
    """Its name in Python: the method, the keyword of the mark, and the name that ``ls`` prints."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", kind_name(self.kind))

    @property
    def first(self) -> Setting:
        """The setting that switches it on."""
        return self.settings[0]

    def default(self, setting: Setting) -> Any:
        """Return the default of a setting, in Python's unit."""
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

    def shown(self, fault: Fault) -> dict[str, Any]:
        """Return the same without the settings that are shown only if they are not at their default."""
        left_out = {
            each.json_name
            for each in self.settings
            if not each.is_reply_field and getattr(fault, each.field) == self.default(each)
        }
        return {name: value for name, value in self.to_json(fault).items() if name not in left_out}

    def from_json(self, values: Mapping[str, Any]) -> Fault:
        """Return the fault with these settings, and this ``name``; one that is left out has its default.

        Raises:
            SettingError: If one is outside its range.
        """
        given = {each.field: each for each in self.settings if each.json_name in values}
        settings = {name: each.from_json(values[each.json_name]) for name, each in given.items()}
        return self.kind(name=values.get("name", ""), **settings)
