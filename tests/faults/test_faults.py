"""The faults of one direction as one value."""

import copy
import pickle

import pytest

from trixter.errors import SettingError
from trixter.faults import (
    NO_FAULTS,
    Corrupt,
    Direction,
    Faults,
    Freeze,
    Latency,
    LoseAnswer,
    LoseRequest,
    Slice,
    Terminate,
    Throttle,
)
from trixter.faults.faults import as_faults

SLOW = Latency(delay_s=0.25)
NARROW = Throttle(rate_bytes_per_s=1000)


def test_no_faults_are_calm_and_calm_is_false() -> None:
    assert Faults() == NO_FAULTS
    assert not NO_FAULTS


def test_a_fault_that_is_off_is_left_out() -> None:
    assert Faults(Latency(), Throttle(rate_bytes_per_s=0), NARROW) == Faults(NARROW)


def test_the_order_is_canonical_whatever_was_given() -> None:
    kinds = [
        Freeze(is_on=True),
        Latency(delay_s=1),
        Terminate(probability=0.1),
        NARROW,
        Slice(size_bytes=1),
        Corrupt(probability=1),
    ]
    assert [type(fault) for fault in Faults(*kinds)] == [Corrupt, Terminate, Slice, Throttle, Latency, Freeze]


def test_faults_of_one_kind_stay_in_the_order_given() -> None:
    first, second = Latency(delay_s=2), Latency(delay_s=1)
    assert tuple(Faults(first, NARROW, second)) == (NARROW, first, second)


def test_equal_faults_are_equal_and_hash_alike() -> None:
    assert Faults(SLOW, NARROW) == Faults(NARROW, Latency(delay_s=0.25))
    assert len({Faults(SLOW), Faults(SLOW), Faults(NARROW)}) == 2


def test_find_returns_the_first_of_a_kind_or_nothing() -> None:
    assert Faults(SLOW, Latency(delay_s=1)).find(Latency) == SLOW
    assert Faults(SLOW).find(Throttle) is None


def test_with_fault_replaces_all_of_its_kind() -> None:
    faults = Faults(SLOW, Latency(delay_s=1), NARROW)
    assert faults.with_fault(Latency(delay_s=3)) == Faults(NARROW, Latency(delay_s=3))
    assert faults.with_fault(Latency()) == Faults(NARROW)
    assert NO_FAULTS.with_fault(SLOW) == Faults(SLOW)


def test_with_fault_replaces_that_of_its_name_if_it_has_one() -> None:
    spike = Latency(delay_s=1, name="spike")
    both = Faults(SLOW, NARROW).with_fault(spike)
    assert both == Faults(SLOW, NARROW, spike)
    assert both.with_fault(Latency(delay_s=2, name="spike")).find(Latency) == SLOW
    assert len(both.with_fault(Latency(delay_s=2, name="spike"))) == 3
    assert both.with_fault(Latency(name="spike")) == Faults(SLOW, NARROW)
    assert both.with_fault(Latency(delay_s=3)) == Faults(NARROW, Latency(delay_s=3))


def test_without_removes_all_of_a_kind_or_those_of_a_name() -> None:
    faults = Faults(SLOW, Latency(delay_s=1, name="spike"), NARROW)
    assert faults.without(Latency) == Faults(NARROW)
    assert faults.without(Latency, "spike") == Faults(SLOW, NARROW)
    assert faults.without(Latency, "other") == faults


def test_state_follows_kind_name_and_place_among_equals() -> None:
    faults = Faults(Latency(delay_s=1), Latency(delay_s=2), Latency(delay_s=3, name="far"))
    assert [key for key, _ in faults.keyed()] == [(Latency, "", 0), (Latency, "", 1), (Latency, "far", 0)]


def test_it_can_be_copied_and_sent_to_another_process() -> None:
    faults = Faults(SLOW, NARROW)
    assert copy.deepcopy(faults) == faults
    assert repr(pickle.loads(pickle.dumps(faults))) == repr(faults)


def test_it_shows_itself_as_it_is_written() -> None:
    assert repr(Faults(SLOW)) == f"Faults({SLOW!r})"


def test_what_is_no_fault_is_refused() -> None:
    with pytest.raises(SettingError) as caught:
        Faults(0.25)  # type: ignore[arg-type]
    assert (caught.value.name, caught.value.value) == ("faults", 0.25)


def test_one_fault_alone_makes_a_set() -> None:
    assert as_faults(SLOW) == Faults(SLOW)
    both = Faults(SLOW, NARROW)
    assert as_faults(both) is both
    with pytest.raises(SettingError) as caught:
        as_faults((SLOW, NARROW), Direction.UPSTREAM)  # type: ignore[arg-type]
    assert (caught.value.name, caught.value.value) == ("upstream", (SLOW, NARROW))


def test_a_fault_of_one_direction_is_refused_by_name_in_the_other() -> None:
    lost = LoseAnswer(probability=0.1)
    assert as_faults(Faults(SLOW, lost), Direction.DOWNSTREAM) == Faults(SLOW, lost)
    assert as_faults(LoseAnswer(), Direction.UPSTREAM) == NO_FAULTS  # it is off, and so it is
    with pytest.raises(SettingError, match="must be 'downstream' for lose_answer, not 'upstream'") as caught:
        as_faults(Faults(SLOW, lost), Direction.UPSTREAM)
    assert caught.value.name == "direction"


def test_of_faults_each_is_in_the_directions_that_it_fits() -> None:
    faults = Faults(SLOW, LoseAnswer(probability=0.1), LoseRequest(probability=0.2))
    assert faults.fitting(Direction.UPSTREAM) == Faults(SLOW, LoseRequest(probability=0.2))
    assert faults.fitting(Direction.DOWNSTREAM) == Faults(SLOW, LoseAnswer(probability=0.1))


def test_a_direction_is_known_by_the_word_the_api_uses() -> None:
    assert [direction.value for direction in Direction] == ["upstream", "downstream"]
    assert Direction("upstream") is Direction.UPSTREAM
