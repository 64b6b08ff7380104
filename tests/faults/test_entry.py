"""An entry describes one fault for all other rooms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from trixter.errors import SettingError
from trixter.faults import Corrupt, CorruptMode, Fault, Freeze, Latency, Slice, Terminate, Throttle
from trixter.faults.catalogue import ENTRIES
from trixter.faults.entry import BYTES, BYTES_PER_S, MILLISECONDS, Entry, FlagSpec, Unit


@pytest.mark.parametrize(
    ("unit", "value", "count"),
    [
        (MILLISECONDS, 0.29, 290),
        (MILLISECONDS, 1, 1000),
        (MILLISECONDS, 0.0005, 0.5),
        (BYTES_PER_S, 1000.0, 1000),
        (BYTES_PER_S, 0.25, 0.25),
        (BYTES, 7, 7),
    ],
)
def test_a_number_is_whole_where_it_can_be(unit: Unit, value: float, count: float) -> None:
    counted = unit.of(value)
    assert (counted, type(counted)) == (count, type(count))


IN_JSON: list[tuple[Fault, dict[str, Any]]] = [
    (Latency(delay_s=0.25, jitter_s=0.0005), {"delay_ms": 250, "jitter_ms": 0.5}),
    (Throttle(rate_bytes_per_s=7.5, queue_bytes=9), {"rate_bytes": 7.5, "queue_bytes": 9}),
    (
        Slice(size_bytes=9, variation_bytes=2, gap_s=1.0),
        {"size_bytes": 9, "variation_bytes": 2, "gap_ms": 1000},
    ),
    (Terminate(probability=1), {"probability_rate": 1.0}),
    (Corrupt(probability=0.5, mode=CorruptMode.FLIP), {"probability_rate": 0.5, "mode": "flip"}),
    (Freeze(is_on=True), {"frozen": True}),
]


@pytest.mark.parametrize(("fault", "values"), IN_JSON)
def test_a_fault_travels_as_json_and_back(fault: Fault, values: dict[str, Any]) -> None:
    entry = ENTRIES[type(fault)]
    shown = entry.to_json(fault)
    assert shown == values
    assert {name: type(value) for name, value in shown.items()} == {
        name: type(value) for name, value in values.items()
    }
    assert entry.from_json(values) == fault


def test_what_is_left_out_has_its_default_and_what_is_none_of_its_settings_is_left_alone() -> None:
    assert ENTRIES[Latency].from_json({"delay_ms": 250, "direction": "both"}) == Latency(delay_s=0.25)


def test_a_name_travels_with_the_settings_if_there_is_one() -> None:
    spike = Latency(delay_s=0.25, name="spike")
    assert ENTRIES[Latency].to_json(spike) == {"delay_ms": 250, "jitter_ms": 0, "name": "spike"}
    assert ENTRIES[Latency].from_json({"delay_ms": 250, "name": "spike"}) == spike


def test_what_the_original_does_not_have_is_shown_if_it_is_not_at_its_default() -> None:
    slow = Throttle(rate_bytes_per_s=9)
    assert ENTRIES[Throttle].shown(slow) == {"rate_bytes": 9}
    assert ENTRIES[Throttle].shown(replace(slow, queue_bytes=7)) == {"rate_bytes": 9, "queue_bytes": 7}


def test_what_is_out_of_range_is_refused() -> None:
    with pytest.raises(SettingError, match="delay_s must be"):
        ENTRIES[Latency].from_json({"delay_ms": -1})


def test_the_value_of_a_flag_is_kept_under_its_name() -> None:
    assert FlagSpec("--delay-ms", "").option == "delay_ms"


def test_it_is_called_by_the_words_of_its_class() -> None:
    class SlowClose(Freeze):
        """A fault of two words."""

    assert Entry(SlowClose, "slow_close", "", ENTRIES[Freeze].settings).name == "slow_close"
    assert ENTRIES[Latency].name == "latency"


def test_its_first_setting_switches_it_on_and_each_has_a_default() -> None:
    entry = ENTRIES[Corrupt]
    assert [entry.default(each) for each in entry.settings] == [0, CorruptMode.INSERT]
    assert entry.with_first(0.5) == Corrupt(probability=0.5)
