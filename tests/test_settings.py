"""Defaults are one checked, immutable value."""

from __future__ import annotations

import copy
import pickle

import pytest

import trixter.faults
from trixter.errors import SettingError
from trixter.faults import NO_FAULTS, Direction, Faults, Latency, LoseRequest, Throttle
from trixter.proxy import Defaults

SLOW = Faults(Latency(delay_s=1))
DOWN = Direction.DOWNSTREAM


def test_they_are_calm_unless_told_otherwise() -> None:
    assert Defaults() == Defaults(upstream=NO_FAULTS, downstream=NO_FAULTS, connection_duration_s=0.0)


def test_each_direction_has_its_own_faults() -> None:
    defaults = Defaults(upstream=SLOW)
    assert defaults.faults(Direction.UPSTREAM) == SLOW
    assert defaults.faults(Direction.DOWNSTREAM) == NO_FAULTS


def test_a_change_makes_another_value_and_leaves_the_rest() -> None:
    before = Defaults(upstream=SLOW, connection_duration_s=5.0)
    faults = Faults(Throttle(rate_bytes_per_s=100))
    after = before.with_faults(Direction.DOWNSTREAM, faults)
    assert after == Defaults(upstream=SLOW, downstream=faults, connection_duration_s=5.0)
    assert after.with_faults(Direction.UPSTREAM, NO_FAULTS).upstream == NO_FAULTS
    assert before == Defaults(upstream=SLOW, connection_duration_s=5.0)


def test_one_fault_alone_is_all_of_a_direction() -> None:
    fault = Latency(delay_s=1)
    assert Defaults(upstream=fault, downstream=fault) == Defaults(upstream=SLOW, downstream=SLOW)
    assert Defaults().with_faults(Direction.DOWNSTREAM, fault) == Defaults(downstream=SLOW)
    assert Defaults(upstream=Latency()).upstream == NO_FAULTS


def test_a_fault_of_the_other_direction_is_refused() -> None:
    lost = LoseRequest(probability=0.1)
    with pytest.raises(SettingError, match="direction must be 'upstream' for lose_request"):
        Defaults(downstream=lost)
    with pytest.raises(SettingError, match="direction must be 'upstream' for lose_request"):
        Defaults().with_faults(DOWN, lost)


def test_a_value_is_copied_compared_and_shown_as_it_was_made() -> None:
    defaults = Defaults(upstream=SLOW, connection_duration_s=5.0)
    assert copy.copy(defaults) == pickle.loads(pickle.dumps(defaults)) == defaults
    assert hash(defaults) == hash(Defaults(upstream=SLOW, connection_duration_s=5.0))
    assert eval(repr(defaults), {**vars(trixter.faults), "Defaults": Defaults}) == defaults


@pytest.mark.parametrize("duration_s", [-1.0, float("nan"), float("inf"), "1", True])
def test_a_duration_is_a_span_of_time(duration_s: float) -> None:
    with pytest.raises(SettingError) as refused:
        Defaults(connection_duration_s=duration_s)
    assert refused.value.name == "connection_duration_s"


@pytest.mark.parametrize("direction", Direction)
def test_faults_are_faults(direction: Direction) -> None:
    with pytest.raises(SettingError) as refused:
        Defaults().with_faults(direction, (Latency(delay_s=1),))  # type: ignore[arg-type]
    assert refused.value.name == direction.value
