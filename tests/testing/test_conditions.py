"""What a mark asks for becomes what connections start with."""

from __future__ import annotations

from typing import Any

import pytest

from trixter.errors import SettingError
from trixter.faults import (
    CATALOGUE,
    NO_FAULTS,
    Corrupt,
    Direction,
    Faults,
    Freeze,
    Latency,
    Slice,
    Terminate,
    Throttle,
)
from trixter.profiles import find_profile
from trixter.proxy import Defaults
from trixter.testing.conditions import FAULT_WORDS, with_conditions


def conditions(*args: object, before: Defaults | None = None, **words: object) -> Defaults:
    return with_conditions(before or Defaults(), find_profile, *args, **words)  # type: ignore[arg-type]


def test_every_word_is_a_fault_of_both_directions() -> None:
    asked = conditions(latency=0.25, throttle=1000, slice=16, corrupt=0.5, terminate=0.1, freeze=True)
    faults = Faults(
        Latency(delay_s=0.25),
        Throttle(rate_bytes_per_s=1000),
        Slice(size_bytes=16),
        Corrupt(probability=0.5),
        Terminate(probability=0.1),
        Freeze(is_on=True),
    )
    assert asked == Defaults(upstream=faults, downstream=faults)


def test_every_fault_of_the_catalogue_has_a_word() -> None:
    assert list(FAULT_WORDS) == [entry.name for entry in CATALOGUE]


def test_a_direction_is_that_of_the_whole_mark() -> None:
    faults = Faults(Latency(delay_s=0.25))
    assert conditions(latency=0.25, direction="upstream") == Defaults(upstream=faults)
    assert conditions(latency=0.25, direction=Direction.DOWNSTREAM) == Defaults(downstream=faults)


def test_faults_can_be_given_with_all_their_settings() -> None:
    jittery = Latency(delay_s=0.25, jitter_s=0.1)
    assert conditions(jittery, direction="upstream") == Defaults(upstream=Faults(jittery))


def test_a_profile_replaces_what_was_there_and_the_words_come_on_top() -> None:
    edge = find_profile("edge")
    before = Defaults(upstream=Faults(Slice(size_bytes=1)), connection_duration_s=60)
    asked = conditions(profile="edge", terminate=0.5, direction="upstream", before=before)
    assert asked == Defaults(
        upstream=edge.upstream.with_fault(Terminate(probability=0.5)),
        downstream=edge.downstream,
        connection_duration_s=60,
    )


def test_what_was_asked_for_before_stays_and_0_takes_it_away() -> None:
    before = conditions(latency=0.25, duration=60)
    assert conditions(slice=1, before=before) == conditions(latency=0.25, slice=1, duration=60)
    assert conditions(latency=0, duration=0, before=before) == Defaults(
        upstream=NO_FAULTS, downstream=NO_FAULTS
    )


def test_none_is_as_if_it_was_not_said() -> None:
    nothing = dict.fromkeys(["profile", "direction", "duration", *FAULT_WORDS])
    assert conditions(**nothing) == Defaults()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("chaos", {"latenzy": 1}),
        ("direction", {"latency": 1, "direction": "sideways"}),
        ("profile", {"profile": "no such profile"}),
        ("profile", {"profile": ["3g"]}),
        ("delay_s", {"latency": -1}),
        ("connection_duration_s", {"duration": -1}),
    ],
)
def test_what_there_is_not_is_refused(name: str, words: dict[str, Any]) -> None:
    with pytest.raises(SettingError) as refused:
        conditions(**words)
    assert refused.value.name == name


def test_what_is_no_fault_is_refused() -> None:
    with pytest.raises(SettingError):
        conditions("3g")
