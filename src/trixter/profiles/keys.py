"""The keys of a profile in TOML, and what each accepts: those of networks, and those of faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from sys import float_info

from trixter.faults import CATALOGUE
from trixter.faults.entry import Entry, Setting, Type
from trixter.faults.validators import is_number

# A byte in 8 seconds. Less is a stall, and there is `freeze` for that.
SLOWEST_KBIT = 0.001


@dataclass(frozen=True, slots=True)
class Key:
    """Say what one key accepts.

    Args:
        name: As it is written, with its unit.
        accepts: What it takes, as the end of "must be …".
        is_good: Whether a value is one.
    """

    name: str
    accepts: str
    is_good: Callable[[object], bool]


def _number(least: float, most: float = float_info.max) -> Callable[[object], bool]:
    def is_good(value: object) -> bool:
        return is_number(value) and least <= value <= most

    return is_good


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _text(value: object) -> bool:
    return isinstance(value, str)


def _choice(choices: type[Enum]) -> Callable[[object], bool]:
    return lambda value: value in [each.value for each in choices]


def key_of(entry: Entry, setting: Setting) -> str:
    """Return the key of a fault's setting: the name in Python or, where the unit is another, in JSON."""
    is_scaled = setting.unit is not None and setting.unit.scale != 1
    return f"{entry.name}_{setting.json_name if is_scaled else setting.field}"


def _key(entry: Entry, setting: Setting) -> Key:
    name = key_of(entry, setting)
    unit = f" of {setting.unit.name}" if setting.unit else ""
    match setting.takes:
        case Type.WHOLE:
            return Key(name, f"a whole number{unit}, 0 or more", _whole)
        case Type.NUMBER:
            return Key(name, f"a number{unit}, 0 or more", _number(0))
        case Type.PROBABILITY:
            return Key(name, "a probability between 0.0 and 1.0", _number(0, 1))
        case Type.SWITCH:
            return Key(name, "true or false", lambda value: isinstance(value, bool))
        case Type.CHOICE:
            assert setting.choices is not None
            accepts = " or ".join(repr(each.value) for each in setting.choices)
            return Key(name, accepts, _choice(setting.choices))


KBIT = f"a number of kbit/s, {SLOWEST_KBIT} or more"
MILLISECONDS = "a number of milliseconds, 0 or more"

KEYS = (
    Key("source", "text", _text),
    Key("notes", "text", _text),
    Key("down_kbit", KBIT, _number(SLOWEST_KBIT)),
    Key("up_kbit", KBIT, _number(SLOWEST_KBIT)),
    Key("bits_per_kbit", "1000 or 1024", lambda value: value in (1000, 1024)),
    Key("round_trip_ms", MILLISECONDS, _number(0)),
    Key("jitter_ms", MILLISECONDS, _number(0)),
    Key("loss_percent", "a number from 0 to 100", _number(0, 100)),
    *(_key(entry, each) for entry in CATALOGUE if entry.in_profiles for each in entry.settings),
)
"""Every key, in the order in which pages list them."""

KEYS_BY_NAME = {key.name: key for key in KEYS}
