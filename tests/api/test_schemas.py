"""Bodies and replies follow from the catalogue."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from trixter.api.schemas import FAULT_BODIES, JSON_NAMES, LONGEST_NAME, REPLIES, FaultBody
from trixter.api.status import describe
from trixter.client.responses import faults_of
from trixter.faults import (
    CATALOGUE,
    NO_FAULTS,
    Corrupt,
    Direction,
    Faults,
    Latency,
    Slice,
    Terminate,
    Throttle,
)
from trixter.faults.entry import Entry, Type

each_entry = pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)

SOMETHING: dict[Type, Any] = {
    Type.WHOLE: 7,
    Type.NUMBER: 10.5,
    Type.PROBABILITY: 0.25,
    Type.SWITCH: True,
}


def filled_in(entry: Entry) -> dict[str, Any]:
    """Return a body in which every setting is something else than its default."""
    values = {}
    for nth, each in enumerate(entry.settings):
        if each.choices is not None:
            values[each.json_name] = list(each.choices)[-1].value
        else:
            value = SOMETHING[each.takes]
            values[each.json_name] = value if isinstance(value, bool) else value - nth
    return values


def decoded(body: object, stem: str) -> FaultBody:
    return msgspec.json.decode(msgspec.json.encode(body), type=FAULT_BODIES[stem])


@each_entry
def test_a_body_sets_every_setting_and_the_reply_shows_it_as_it_was_set(entry: Entry) -> None:
    body = filled_in(entry)
    fault = decoded(body, entry.stem).fault()
    assert all(getattr(fault, each.field) != entry.default(each) for each in entry.settings)
    shown = msgspec.to_builtins(describe(Faults(fault)).on)
    assert shown == {entry.stem: body}


@each_entry
def test_a_reply_is_read_as_the_fault_that_it_shows(entry: Entry) -> None:
    faults = Faults(decoded(filled_in(entry), entry.stem).fault())
    assert faults_of(describe(faults).on) == faults_of(describe(faults).everything) == faults
    assert faults_of(describe(NO_FAULTS).everything) == NO_FAULTS


@each_entry
def test_the_first_setting_is_required_and_no_other(entry: Entry) -> None:
    fields = msgspec.structs.fields(FAULT_BODIES[entry.stem])
    assert [each.name for each in fields if each.required] == [entry.first.json_name]


@each_entry
def test_a_body_and_a_reply_are_described_by_the_words_of_the_entry(entry: Entry) -> None:
    _, schemas = msgspec.json.schema_components([FAULT_BODIES[entry.stem], REPLIES[entry.stem]])
    title = entry.stem.title().replace("_", "")
    body, reply = schemas[f"{title}Body"], schemas[title]
    assert body["description"] == reply["description"] == entry.summary
    for each in entry.settings:
        assert body["properties"][each.json_name]["description"] == each.meaning


def test_fields_that_contradict_each_other_are_refused_by_their_names_in_json() -> None:
    with pytest.raises(msgspec.ValidationError, match="variation_bytes must be less than"):
        decoded({"size_bytes": 9, "variation_bytes": 9}, "slice")


def test_a_body_is_for_both_directions_unless_it_says_otherwise() -> None:
    assert decoded({"delay_ms": 1}, "delay").directions == tuple(Direction)
    assert decoded({"delay_ms": 1, "direction": "upstream"}, "delay").directions == (Direction.UPSTREAM,)


def test_settings_with_another_name_in_json_are_known() -> None:
    assert JSON_NAMES["delay_s"] == "delay_ms"
    assert JSON_NAMES["connection_duration_s"] == "connection_duration_ms"


def test_several_of_one_kind_are_shown_each_and_read_as_they_were() -> None:
    faults = Faults(
        Latency(delay_s=1),
        Latency(delay_s=2, name="far"),
        Latency(delay_s=3, name="spike"),
        Throttle(rate_bytes_per_s=9, name="slow"),
    )
    assert msgspec.to_builtins(describe(faults).on) == {
        "delay": {"delay_ms": 1000, "jitter_ms": 0},
        "throttle": {"rate_bytes": 9, "name": "slow"},
        "more": {
            "delay": [
                {"delay_ms": 2000, "jitter_ms": 0, "name": "far"},
                {"delay_ms": 3000, "jitter_ms": 0, "name": "spike"},
            ]
        },
    }
    for shown in (describe(faults).on, describe(faults).everything):
        again = msgspec.json.decode(msgspec.json.encode(shown), type=type(shown))
        assert faults_of(again) == faults


def test_a_name_has_a_length() -> None:
    assert decoded({"delay_ms": 1, "name": "x" * LONGEST_NAME}, "delay").fault().name == "x" * LONGEST_NAME
    with pytest.raises(msgspec.ValidationError, match="length <= 100 - at"):
        decoded({"delay_ms": 1, "name": "x" * (LONGEST_NAME + 1)}, "delay")


def test_of_several_of_one_kind_the_originals_numbers_are_what_they_come_to() -> None:
    faults = Faults(
        Latency(delay_s=1),
        Latency(delay_s=2, name="more"),
        Throttle(rate_bytes_per_s=9),
        Throttle(rate_bytes_per_s=7, name="slower"),
        Slice(size_bytes=5),
        Slice(size_bytes=6, name="larger"),
        Terminate(probability=0.5),
        Terminate(probability=0.5, name="again"),
        Corrupt(probability=1e-9),
    )
    assert describe(faults).originals == (3, 7, 5, 0.75, 1e-9)
