"""Profiles: networks with names, the faults that imitate them, and the keys that describe them in TOML."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from sys import float_info
from typing import Any

from trixter.errors import SettingError
from trixter.faults import CATALOGUE, Direction, Fault, Faults, Latency, Throttle
from trixter.faults.entry import Entry, Setting, Type
from trixter.faults.validators import is_number

# A byte in 8 seconds. Less is a stall, and there is `freeze` for that.
SLOWEST_KBIT = 0.001

LOSS_IS_NOT_IMITATED = (
    "The published loss of {percent:g} % is not imitated: a TCP proxy drops no segments, "
    "it hands on what TCP has repaired already."
)
NO_RATE = "No rate of {what} is published: they are not throttled."


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a profile, and the values it accepts.

    Args:
        name: As it is written in the file, with its unit.
        accepts: Its values in words, as the end of "must be …".
        is_good: Returns whether it accepts a value.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The faults that imitate a network, and the published numbers they are made of.

    Args:
        name: Its name, such as ``3g``.
        upstream: The faults of bytes to the upstream.
        downstream: The faults of bytes from it.
        source: The publication, and the network's name in it.
        down_kbit: The published rate of downloads, as the source counts; ``None`` if there is none.
        up_kbit: The published rate of uploads.
        round_trip_ms: The published round trip.
        jitter_ms: How much the round trip varies, up and down.
        loss_percent: The published loss of packets, which is not imitated: see ``notes``.
        notes: Remarks for users.
    """

    name: str
    upstream: Faults
    downstream: Faults
    source: str = ""
    down_kbit: float | None = None
    up_kbit: float | None = None
    round_trip_ms: float = 0
    jitter_ms: float = 0
    loss_percent: float = 0
    notes: str = ""

    @classmethod
    def made_of(cls, name: str, values: Mapping[str, Any]) -> Profile:
        """Return the profile that these values of ``KEYS`` describe, each of them good.

        Raises:
            SettingError: If two values contradict each other; the error names the key.
        """
        round_trip_ms = values.get("round_trip_ms", 0)
        # Whole milliseconds stay whole, for the API takes no others: an odd one travels downstream.
        up_ms = round_trip_ms // 2 if round_trip_ms == int(round_trip_ms) else round_trip_ms / 2
        down_ms = round_trip_ms - up_ms
        kept = ("source", "down_kbit", "up_kbit", "round_trip_ms", "jitter_ms", "loss_percent")
        return cls(
            name=name,
            upstream=_faults(values, values.get("up_kbit"), up_ms),
            downstream=_faults(values, values.get("down_kbit"), down_ms),
            notes=_notes(values),
            **{key: values[key] for key in kept if key in values},
        )

    def faults(self, direction: Direction) -> Faults:
        """Return the faults of one direction."""
        return self.upstream if direction is Direction.UPSTREAM else self.downstream


def _faults(values: Mapping[str, Any], kbit: float | None, delay_ms: float) -> Faults:
    faults: list[Fault] = [
        # The published latency and jitter are the round trip's; each direction has half of them.
        Latency(delay_s=f"{delay_ms}ms", jitter_s=f"{values.get('jitter_ms', 0) / 2}ms"),
        *(_fault(entry, values) for entry in CATALOGUE if entry.in_profiles),
    ]
    if kbit is not None:
        rate = kbit * values.get("bits_per_kbit", 1000) / 8
        # Whole bytes, for the API takes no others; a rate of less than one cannot be.
        faults.append(Throttle(rate_bytes_per_s=round(rate) if rate >= 1 else rate))
    return Faults(*faults)


def _fault(entry: Entry, values: Mapping[str, Any]) -> Fault:
    keys = {each.field: key_of(entry, each) for each in entry.settings}
    said = {each.json_name: values[key] for each in entry.settings if (key := keys[each.field]) in values}
    try:
        return entry.from_json(said)
    except SettingError as exc:
        accepts = re.sub(r"\w+", lambda word: keys.get(word[0], word[0]), exc.accepts)
        raise SettingError(keys[exc.name], exc.value, accepts) from exc


def _notes(values: Mapping[str, Any]) -> str:
    notes = [values.get("notes", "")]
    rates = {"downloads": "down_kbit", "uploads": "up_kbit"}
    missing = [what for what, key in rates.items() if key not in values]
    if len(missing) == 1:
        notes.append(NO_RATE.format(what=missing[0]))
    if values.get("loss_percent"):
        notes.append(LOSS_IS_NOT_IMITATED.format(percent=values["loss_percent"]))
    return " ".join(filter(None, notes))
