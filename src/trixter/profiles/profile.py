"""Profiles: networks with names, and the faults that imitate them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trixter.errors import SettingError
from trixter.faults import CATALOGUE, Direction, Fault, Faults, Latency, Throttle
from trixter.faults.entry import Entry
from trixter.profiles.keys import key_of

LOSS_IS_NOT_IMITATED = (
    "The published loss of {percent:g} % is not imitated: a TCP proxy drops no segments, "
    "it hands on what TCP has repaired already."
)
NO_RATE = "No rate of {what} is published: they are not throttled."


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Hold the faults that imitate a network, and the numbers they are made of.

    Args:
        name: What it is called.
        upstream: The faults of bytes to the upstream.
        downstream: The faults of bytes from it.
        source: Who published the numbers, and what the network is called there.
        down_kbit: The published rate of downloads, as the source counts; ``None`` if there is none.
        up_kbit: The published rate of uploads.
        round_trip_ms: The published round trip.
        jitter_ms: How much the round trip varies, up and down.
        loss_percent: The published loss of packets, which is not imitated: see ``notes``.
        notes: What else to know.
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
        """Make one of the values of the keys of ``keys.py``, each of them good.

        Raises:
            SettingError: If two of them contradict each other; it names the key.
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
        # What is published is about the round trip; each direction has its half.
        Latency(delay_s=delay_ms / 1000, jitter_s=values.get("jitter_ms", 0) / 2 / 1000),
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
