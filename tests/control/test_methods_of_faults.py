"""Every fault of the catalogue has a method, with the settings of its class."""

from __future__ import annotations

from dataclasses import fields
from inspect import Parameter, signature

import pytest

from trixter.control.fault_methods import FaultMethods
from trixter.faults import CATALOGUE
from trixter.faults.entry import Entry

each_entry = pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)


@each_entry
def test_a_fault_has_a_method_that_takes_its_settings_in_their_order(entry: Entry) -> None:
    method = getattr(FaultMethods, entry.name)
    _, *parameters, direction = signature(method).parameters.values()
    assert [each.name for each in parameters] == [each.field for each in entry.settings]
    assert (direction.name, direction.default, direction.kind) == ("direction", None, Parameter.KEYWORD_ONLY)


@each_entry
def test_it_takes_the_first_by_position_and_the_others_by_name_with_their_defaults(entry: Entry) -> None:
    first, *others = list(signature(getattr(FaultMethods, entry.name)).parameters.values())[1:-1]
    assert first.kind is Parameter.POSITIONAL_OR_KEYWORD
    assert {each.kind for each in others} <= {Parameter.KEYWORD_ONLY}
    defaults = {each.name: each.default for each in fields(entry.kind)}
    assert {each.name: each.default for each in others} == {each.name: defaults[each.name] for each in others}


@each_entry
def test_it_says_what_it_does(entry: Entry) -> None:
    assert getattr(FaultMethods, entry.name).__doc__
