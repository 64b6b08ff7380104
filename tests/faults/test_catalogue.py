"""The catalogue describes every fault, with all of its settings."""

from dataclasses import fields
from pathlib import Path

import pytest

from trixter.faults import CANONICAL_ORDER, CATALOGUE, Faults, catalogue
from trixter.faults.catalogue import ENTRIES
from trixter.faults.entry import Entry, Type

FOLDER = Path(catalogue.__file__).parent

each_entry = pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)


def test_the_canonical_order_is_the_order_in_which_a_byte_meets_the_faults() -> None:
    assert [kind.order for kind in CANONICAL_ORDER] == sorted(entry.kind.order for entry in CATALOGUE)


@pytest.mark.parametrize("of", ["kind", "stem", "name"])
def test_no_two_entries_are_called_the_same(of: str) -> None:
    assert len({getattr(entry, of) for entry in CATALOGUE}) == len(CATALOGUE) == len(ENTRIES)


def test_no_two_settings_have_the_same_flag() -> None:
    flags = [each.flag.name for entry in CATALOGUE for each in entry.settings]
    assert len(set(flags)) == len(flags)


def test_a_setting_of_python_is_called_the_same_in_json_whatever_fault_has_it() -> None:
    pairs = {(each.field, each.json_name) for entry in CATALOGUE for each in entry.settings}
    assert len({field for field, _ in pairs}) == len(pairs)


@each_entry
def test_every_fault_has_a_file_of_its_name(entry: Entry) -> None:
    assert (FOLDER / f"{entry.name}.py").exists()


@each_entry
def test_every_setting_is_described_in_its_order(entry: Entry) -> None:
    settings = [each.name for each in fields(entry.kind) if each.name != "name"]
    assert sorted(each.field for each in entry.settings) == sorted(settings)


@each_entry
def test_no_setting_has_a_name_that_a_body_has_already(entry: Entry) -> None:
    assert {"name", "direction"}.isdisjoint(each.json_name for each in entry.settings)
    assert entry.stem not in ("more", "connection_duration_ms")


@each_entry
def test_a_number_says_what_it_counts_and_a_choice_between_what(entry: Entry) -> None:
    for each in entry.settings:
        assert (each.unit is not None) == (each.takes in (Type.WHOLE, Type.NUMBER))
        assert (each.choices is not None) == (each.takes is Type.CHOICE)


@each_entry
def test_every_fault_is_off_unless_it_is_told_otherwise(entry: Entry) -> None:
    assert entry.kind().is_off
    assert not Faults(entry.kind())
