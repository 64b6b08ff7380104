"""What happened between two looks at a proxy."""

from __future__ import annotations

from trixter.cli.remote.changes import Look, happenings

Seen = Look[str, str]


def look(*ids: str, faults: str = "", defaults: str = "calm") -> Seen:
    return Look({id: f"{id}{faults}" for id in ids}, dict.fromkeys(ids, faults), defaults)


def seen(before: Seen | None, now: Seen) -> list[tuple[str, str]]:
    return [(each.kind.value, each.what) for each in happenings(before, now)]


def test_at_first_everything_is_new() -> None:
    assert seen(None, look("1", "2")) == [("defaults", "calm"), ("opened", "1"), ("opened", "2")]


def test_where_nothing_happened_nothing_is_told() -> None:
    assert seen(look("1"), look("1")) == []


def test_connections_come_and_go() -> None:
    assert seen(look("1", "2"), look("2", "3")) == [("ended", "1"), ("opened", "3")]


def test_other_faults_are_a_change() -> None:
    assert seen(look("1"), look("1", faults=" slow")) == [("changed", "1 slow")]


def test_other_defaults_are_told_once() -> None:
    assert seen(look(), look(defaults="slow")) == [("defaults", "slow")]
    assert seen(look(defaults="slow"), look(defaults="slow")) == []
