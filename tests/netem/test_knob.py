"""A knob takes what its holders can take, and tells all of them, or none."""

from __future__ import annotations

import gc

import pytest

from tests.netem.streams import Wire
from trixter.errors import SettingError
from trixter.netem import Corrupter, DelayedWriter, Knob, SlicedWriter, Terminator


@pytest.mark.parametrize(
    "value", [-1, float("nan"), float("inf"), float("-inf"), 10**400, "1", None, True, b"1"]
)
def test_what_is_no_number_is_refused_where_it_is_set(value: float) -> None:
    with pytest.raises(SettingError, match="value must be a number, 0 or more"):
        Knob(value)
    knob = Knob(0.5)
    with pytest.raises(SettingError):
        knob.value = value
    assert knob.value == 0.5


@pytest.mark.parametrize("value", [0, 0.0, 0.5, 1, 10**12])
def test_numbers_are_taken(value: float) -> None:
    knob = Knob(value)
    assert (knob.value, repr(knob)) == (value, f"Knob({value!r})")


def test_a_value_that_one_holder_cannot_take_reaches_none_of_them() -> None:
    knob = Knob(0.5)
    delayed, corrupter = DelayedWriter(Wire(), knob), Corrupter(Wire(), knob)
    with pytest.raises(SettingError, match=r"probability must be a probability between 0.0 and 1.0, not 2"):
        knob.value = 2
    assert knob.value == 0.5
    del corrupter
    gc.collect()
    knob.value = 2
    assert knob.value == 2
    assert delayed


def test_a_knob_whose_value_an_adapter_cannot_take_is_not_held_by_it() -> None:
    knob = Knob(0.5)
    with pytest.raises(SettingError, match="size_bytes must be a whole number"):
        SlicedWriter(Wire(), knob)
    knob.value = 7.5


def test_adapters_that_are_gone_are_forgotten() -> None:
    knob = Knob(0.5)
    for _ in range(100):
        Terminator(Wire(), knob)
    gc.collect()
    knob.value = 5  # no probability, but no adapter is left to refuse it
    assert knob.value == 5


def test_a_knob_of_a_knob_is_that_knob() -> None:
    knob = Knob(1)
    assert Knob.of(knob) is knob
    assert Knob.of(2).value == 2


def test_a_knob_may_stand_at_more_than_a_minute_of_delay() -> None:
    knob = Knob(0.5)
    delayed = DelayedWriter(Wire(), knob)
    knob.value = 120
    assert knob.value == 120
    del delayed
