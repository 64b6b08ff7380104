"""The arguments of a mark become the defaults of new connections."""

from __future__ import annotations

from datetime import timedelta
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
    LoseAnswer,
    Slice,
    Terminate,
    Throttle,
)
from trixter.profiles import find_profile
from trixter.proxy import Defaults
from trixter.testing.mark import MARK_KEYWORDS, apply_mark


def mark(*args: object, before: Defaults | None = None, **keywords: object) -> Defaults:
    return apply_mark(before or Defaults(), find_profile, *args, **keywords)  # type: ignore[arg-type]


def test_every_keyword_is_a_fault_of_both_directions() -> None:
    asked = mark(latency=0.25, throttle=1000, slice=16, corrupt=0.5, terminate=0.1, freeze=True)
    faults = Faults(
        Latency(delay_s=0.25),
        Throttle(rate_bytes_per_s=1000),
        Slice(size_bytes=16),
        Corrupt(probability=0.5),
        Terminate(probability=0.1),
        Freeze(is_on=True),
    )
    assert asked == Defaults(upstream=faults, downstream=faults)


def test_keywords_may_have_a_unit() -> None:
    assert mark(latency="250ms", throttle="8kbit", connection_duration=timedelta(hours=1)) == mark(
        latency=0.25, throttle=1000, connection_duration="3600s"
    )


def test_every_fault_of_the_catalogue_has_a_keyword() -> None:
    assert list(MARK_KEYWORDS) == [entry.name for entry in CATALOGUE]


def test_a_direction_is_that_of_the_whole_mark() -> None:
    faults = Faults(Latency(delay_s=0.25))
    assert mark(latency=0.25, direction="upstream") == Defaults(upstream=faults)
    assert mark(latency=0.25, direction=Direction.DOWNSTREAM) == Defaults(downstream=faults)


def test_a_fault_of_one_direction_is_in_that_one() -> None:
    lost, late = LoseAnswer(probability=0.1), Latency(delay_s=0.25)
    assert mark(lose_answer=0.1, latency=0.25) == Defaults(upstream=late, downstream=Faults(late, lost))
    with pytest.raises(SettingError, match="direction must be 'downstream' for lose_answer"):
        mark(lose_answer=0.1, direction="upstream")


def test_faults_can_be_given_with_all_their_settings() -> None:
    jittery = Latency(delay_s=0.25, jitter_s=0.1)
    assert mark(jittery, direction="upstream") == Defaults(upstream=Faults(jittery))


def test_a_profile_replaces_what_was_there_and_the_keywords_come_on_top() -> None:
    edge = find_profile("edge")
    before = Defaults(upstream=Faults(Slice(size_bytes=1)), connection_duration_s=60)
    asked = mark(profile="edge", terminate=0.5, direction="upstream", before=before)
    assert asked == Defaults(
        upstream=edge.upstream.with_fault(Terminate(probability=0.5)),
        downstream=edge.downstream,
        connection_duration_s=60,
    )


def test_what_was_asked_for_before_stays_and_0_takes_it_away() -> None:
    before = mark(latency=0.25, connection_duration=60)
    assert mark(slice=1, before=before) == mark(latency=0.25, slice=1, connection_duration=60)
    assert mark(latency=0, connection_duration=0, before=before) == Defaults(
        upstream=NO_FAULTS, downstream=NO_FAULTS
    )


def test_none_is_as_if_it_was_not_given() -> None:
    nothing = dict.fromkeys(["profile", "direction", "connection_duration", *MARK_KEYWORDS])
    assert mark(**nothing) == Defaults()


@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("chaos", {"latenzy": 1}),
        ("direction", {"latency": 1, "direction": "sideways"}),
        ("profile", {"profile": "no such profile"}),
        ("profile", {"profile": ["3g"]}),
        ("delay_s", {"latency": -1}),
        ("delay_s", {"latency": 250}),
        ("rate_bytes_per_s", {"throttle": "1mbps"}),
        ("connection_duration_s", {"connection_duration": -1}),
        ("connection_duration_s", {"connection_duration": 5000}),
    ],
)
def test_what_there_is_not_is_refused(name: str, keywords: dict[str, Any]) -> None:
    with pytest.raises(SettingError) as refused:
        mark(**keywords)
    assert refused.value.name == name


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ("latenzy", "keywords such as latency"),
        ("bandwidth", "keywords such as throttle"),
        ("xyzzy", "these keywords: .*profile"),
    ],
)
def test_an_unknown_keyword_is_refused_with_the_one_that_was_meant(wrong: str, text: str) -> None:
    with pytest.raises(SettingError, match=f"{text}.*, not '{wrong}'"):
        mark(**dict[str, Any]({wrong: 1}))


def test_what_is_no_fault_is_refused() -> None:
    with pytest.raises(SettingError):
        mark("3g")
