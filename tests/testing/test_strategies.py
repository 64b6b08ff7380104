"""Strategies of faults: within their limits, shrunk to milder ones, and reverted by a state machine."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from tests.control.local_handles import LocalHandle, Recorder, idle_controller
from trixter.client.codec import encode
from trixter.control import Override, ProxyHandle
from trixter.control.commands import Apply
from trixter.errors import SettingError
from trixter.faults import CATALOGUE, Direction, Fault, Latency, Slice, Throttle
from trixter.testing.strategies import KINDS, NetworkRules, faults

UP, DOWN = Direction

FEW = settings(max_examples=15, database=None, derandomize=True)


@FEW
@given(faults([entry.name for entry in CATALOGUE], max_delay_s="20ms", max_faults=4))
def test_what_is_drawn_is_within_its_limits_and_can_be_told_the_api(drawn: Override) -> None:
    both = [*drawn.faults(UP), *drawn.faults(DOWN)]
    assert len(both) <= 4
    assert all(each.delay_s <= 0.02 for each in both if isinstance(each, Latency))
    assert not any(each.is_off for each in both)
    assert encode(Apply(override=drawn)).requests


@FEW
@given(faults(["slice"], direction="downstream"))
def test_only_the_kinds_and_the_direction_that_were_chosen_are_drawn(drawn: Override) -> None:
    assert drawn.upstream is None
    assert [type(each) for each in drawn.faults(DOWN)] in ([], [Slice])


def test_a_freeze_is_drawn_only_if_it_is_chosen() -> None:
    assert {*KINDS, "freeze"} == {entry.name for entry in CATALOGUE}
    assert "freeze" not in KINDS


def has(kind: type[Fault], **settings: Any) -> Callable[[Override], bool]:
    """Return the condition that there is such a fault upstream, with at least or at most these settings."""
    return lambda drawn: (
        (found := drawn.faults(UP).find(kind)) is not None
        and all(holds(getattr(found, name)) for name, holds in settings.items())
    )


@pytest.mark.parametrize(
    ("condition", "mildest"),
    [
        (lambda drawn: True, "<none>"),
        (has(Latency), "<upstream Latency(delay_s=0.001); downstream none>"),
        (
            has(Latency, delay_s=lambda value: value > 0.02),
            "<upstream Latency(delay_s=0.021); downstream none>",
        ),
        (has(Throttle), "<upstream Throttle(rate_bytes_per_s=10000000); downstream none>"),
    ],
)
def test_it_shrinks_to_none_to_fewer_and_to_milder_faults(
    condition: Callable[[Override], bool], mildest: str
) -> None:
    many = settings(max_examples=200, database=None, derandomize=True)
    assert repr(find(faults(), condition, settings=many)) == mildest


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("kinds", {"kinds": ["lag"]}),
        ("kinds", {"kinds": "latency"}),
        ("kinds", {"kinds": []}),
        ("kinds", {"kinds": ["lose_answer"], "direction": "upstream"}),
        ("direction", {"direction": "sideways"}),
        ("max_delay_s", {"max_delay_s": 0.0005}),
        ("max_delay_s", {"max_delay_s": -1}),
        ("max_faults", {"max_faults": -1}),
    ],
)
def test_a_limit_outside_its_range_is_refused(name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingError) as caught:
        faults(**wrong)
    assert caught.value.name == name


def test_a_machine_applies_faults_reverts_some_and_leaves_none() -> None:
    handles: list[ProxyHandle] = []
    seen: set[str] = set()

    class Machine(NetworkRules):
        drawn_faults = faults(["latency"])

        def __init__(self) -> None:
            super().__init__()
            self.controller = idle_controller()
            self.proxy = LocalHandle(Recorder(self.controller))
            handles.append(self.proxy)

        @invariant()
        def note(self) -> None:
            overrides = self.controller.snapshot()
            seen.add("quiet" if overrides.is_quiet() else f"{len(overrides)} layers")
            if overrides.in_force().faults(UP):
                seen.add("latency")

    run_state_machine_as_test(Machine, settings=settings(FEW, max_examples=10, stateful_step_count=8))
    assert seen >= {"quiet", "latency", "0 layers", "1 layers", "2 layers"}
    for each in handles:
        assert isinstance(each, LocalHandle)
        assert len(each.recorder.controller.snapshot()) == 0


def test_without_hypothesis_the_import_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "trixter.testing.strategies")
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(
        ImportError, match=r"^trixter.testing.strategies needs Hypothesis: pip install hypothesis$"
    ):
        importlib.import_module("trixter.testing.strategies")
