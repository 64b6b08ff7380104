"""Overrides: what is in force is the fold of what is active, whatever the order of apply and revert."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from trixter.control.commands import Apply
from trixter.control.overrides import ALL, LIVE, NEW, Override, Overrides, ReplaceFaults, defaults_of
from trixter.errors import OverrideNotFound, SettingError
from trixter.faults import NO_FAULTS, Direction, Fault, Faults, Freeze, Latency, Slice, Throttle
from trixter.settings import Availability, Defaults

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM


def latency(delay_s: float, **others: Any) -> Override:
    return Override(upstream=ReplaceFaults.one(Latency(delay_s=delay_s)), **others)


SLOW, SLOWER = latency(0.1), latency(0.2)

faults = st.one_of(
    st.builds(Latency, delay_s=st.sampled_from([0, 0.1, 0.2]), name=st.sampled_from(["", "a", "b"])),
    st.builds(Throttle, rate_bytes_per_s=st.sampled_from([0, 1000, 2000])),
    st.builds(Slice, size_bytes=st.sampled_from([0, 1, 2])),
)
replacements = st.none() | st.one_of(
    st.builds(ReplaceFaults.one, faults),
    st.lists(faults, max_size=3).map(lambda each: ReplaceFaults.everything(*each)),
)
durations = st.none() | st.sampled_from([0.0, 60.0])


@dataclass
class Made:
    """A change as the model remembers it.

    Args:
        override: What it was.
        at: When it was made, in the order of all that happens.
        is_permanent: Whether it can no longer be reverted.
    """

    override: Override
    at: int
    is_permanent: bool


class Conversation(RuleBasedStateMachine):
    """Compare with a history that is read from its beginning at each look."""

    def __init__(self) -> None:
        super().__init__()
        self.base = Defaults(upstream=Latency(delay_s=0.5), connection_duration_s=5)
        self.overrides = Overrides(self.base)
        self.history: dict[str, Made] = {}
        self.open: dict[str, int] = {}
        self.snapshots: list[tuple[Overrides, dict[str, Made]]] = []
        self.moments = count()

    @rule()
    def a_connection_opens(self) -> None:
        at = next(self.moments)
        self.open[f"c{at}"] = at

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def a_connection_ends(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.open)))
        del self.open[id]
        self.history = {key: made for key, made in self.history.items() if made.override.target != id}
        self.overrides.forget_ended(self.open)

    @rule(data=st.data(), upstream=replacements, downstream=replacements, connection_duration_s=durations)
    def add(self, data: st.DataObject, **change: Any) -> None:
        override = self._override(data, [ALL], **change)
        at = next(self.moments)
        self.overrides.add(f"o{at}", override)
        self.history[f"o{at}"] = Made(override, at, is_permanent=False)

    @rule()
    def add_quiet(self) -> None:
        at = next(self.moments)
        self.overrides.add(f"o{at}", Override(is_quiet=True))
        self.history[f"o{at}"] = Made(Override(is_quiet=True), at, is_permanent=False)

    @rule(data=st.data(), upstream=replacements, downstream=replacements, connection_duration_s=durations)
    def keep(self, data: st.DataObject, **change: Any) -> None:
        override = self._override(data, [ALL, LIVE, NEW], **change)
        at = next(self.moments)
        self.overrides.keep(override, self.open)
        self.history[f"p{at}"] = Made(override, at, is_permanent=True)

    @precondition(lambda self: self.overrides)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        id = self._any(data)
        assert self.overrides.remove(id) == self.history.pop(id).override

    @precondition(lambda self: self.overrides)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        id = self._any(data)
        if self.history[id].override.is_quiet:
            return
        before = self._seen()
        self.overrides.settle(id)
        self.history[id].is_permanent = True
        assert self._seen() == before

    @rule()
    def take_a_copy(self) -> None:
        history = {id: replace(made) for id, made in self.history.items()}
        self.snapshots.append((self.overrides.copy(), history))

    @precondition(lambda self: self.snapshots)
    @rule()
    def go_back_to_the_copy(self) -> None:
        self.overrides, history = self.snapshots.pop()
        self.overrides.forget_ended(self.open)
        gone = {made.override.target for made in history.values()} - {ALL, LIVE, NEW, *self.open}
        self.history = {id: made for id, made in history.items() if made.override.target not in gone}

    @invariant()
    def what_is_in_force_is_the_fold_of_what_is_active(self) -> None:
        assert self._seen() == {id: self._expected(id) for id in (None, *self.open)}

    @invariant()
    def only_what_can_be_reverted_is_kept_one_by_one(self) -> None:
        assert [id for id, _ in self.overrides] == [
            id for id, made in self.history.items() if not made.is_permanent
        ]

    def _override(
        self, data: st.DataObject, targets: list[str], *, connection_duration_s: float | None, **change: Any
    ) -> Override:
        target = data.draw(st.sampled_from([*targets, *self.open]))
        if target in (ALL, NEW):
            change["connection_duration_s"] = connection_duration_s
        return Override(target=target, **change)

    def _any(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from([id for id, _ in self.overrides]))

    def _seen(self) -> dict[str | None, tuple[Faults, Faults, float | None]]:
        seen = {}
        for id in (None, *self.open):
            value = self.overrides.in_force(id)
            seen[id] = (value.faults(UP), value.faults(DOWN), None if id else value.connection_duration_s)
        return seen

    def _expected(self, id: str | None) -> tuple[Faults, Faults, float | None]:
        if any(made.override.is_quiet for made in self.history.values()):
            return (NO_FAULTS, NO_FAULTS, None if id else 0.0)
        up, down, duration_s = self.base.upstream, self.base.downstream, self.base.connection_duration_s
        for made in self.history.values():
            override = made.override
            if self._concerns(made, id):
                up = override.upstream.applied_to(up) if override.upstream else up
                down = override.downstream.applied_to(down) if override.downstream else down
                if override.connection_duration_s is not None:
                    duration_s = override.connection_duration_s
        return (up, down, None if id else duration_s)

    def _concerns(self, made: Made, id: str | None) -> bool:
        opened_at = float("inf") if id is None else self.open[id]
        match made.override.target:
            case "_all":
                return True
            case "_live":
                return opened_at < made.at
            case "_new":
                return opened_at > made.at
            case target:
                return target == id


TestConversation = pytest.mark.slow(Conversation.TestCase)


def test_two_changes_that_are_taken_back_in_the_order_they_were_made_leave_nothing() -> None:
    overrides = Overrides(Defaults())
    overrides.add("a", SLOW)
    overrides.add("b", SLOWER)
    overrides.remove("a")
    assert overrides.in_force().faults(UP) == Faults(Latency(delay_s=0.2))
    overrides.remove("b")
    assert overrides.in_force().faults(UP) == NO_FAULTS


def test_a_connection_that_opens_during_an_override_has_what_others_have_after_it() -> None:
    overrides = Overrides(Defaults(downstream=Latency(delay_s=1)))
    overrides.add("a", SLOW)
    assert overrides.in_force("late").faults(UP) == Faults(Latency(delay_s=0.1))
    overrides.remove("a")
    assert defaults_of(overrides.in_force("late")) == Defaults(downstream=Latency(delay_s=1))


def test_connections_that_are_alike_share_one_object() -> None:
    overrides = Overrides(Defaults())
    overrides.keep(latency(0.3, target=LIVE), ["one", "two"])
    overrides.add("a", SLOW)
    assert overrides.in_force("one") is overrides.in_force("two")


def test_permanent_changes_make_nothing_grow() -> None:
    overrides = Overrides(Defaults())
    overrides.add("a", SLOW)
    for number in range(100):
        overrides.keep(latency(number / 1000), ())
        overrides.keep(latency(number / 1000, target="one"), ())
    assert len(overrides) == 1
    overrides.remove("a")
    assert overrides.in_force().upstream == ReplaceFaults(None, Faults(Latency(delay_s=0.099)))


def test_connections_that_ended_are_forgotten() -> None:
    overrides = Overrides(Defaults())
    ids = [f"c{number}" for number in range(200)]
    overrides.keep(latency(0.3, target=LIVE), ids)
    overrides.add("a", latency(0.1, target="c1"))
    overrides.add("b", SLOW)
    overrides.forget_ended({"c2"})
    assert [id for id, _ in overrides] == ["b"]
    assert overrides.in_force("c1") == overrides.in_force()
    assert overrides.in_force("c2").faults(UP) == Faults(Latency(delay_s=0.1))


def test_the_newest_availability_counts() -> None:
    overrides = Overrides(Defaults())
    overrides.add("a", Override(availability=Availability.REFUSING))
    overrides.add("b", Override(availability=Availability.DOWN))
    assert overrides.availability(without="b") is Availability.REFUSING
    assert overrides.availability() is Availability.DOWN
    overrides.keep(Override(target=NEW, availability=Availability.REFUSING), ())
    assert overrides.availability() is overrides.availability(without="b") is Availability.REFUSING
    overrides.add("quiet", Override(is_quiet=True))
    overrides.add("c", Override(availability=Availability.DOWN))
    assert overrides.availability() is Availability.UP
    assert overrides.availability(without="quiet") is Availability.DOWN
    for id in ("a", "b", "quiet", "c"):
        overrides.remove(id)
    assert overrides.availability() is Availability.REFUSING


def test_a_fault_with_a_name_takes_the_place_of_that_name_only() -> None:
    named = [Latency(delay_s=1, name="a"), Latency(delay_s=2, name="b")]
    there = Faults(*named, Slice(size_bytes=1))
    assert ReplaceFaults.one(Latency(delay_s=3, name="a")).applied_to(there) == Faults(
        named[1], Latency(delay_s=3, name="a"), Slice(size_bytes=1)
    )
    assert ReplaceFaults.one(Latency()).applied_to(there) == Faults(Slice(size_bytes=1))


def test_two_replacements_on_top_of_each_other_are_one() -> None:
    first = ReplaceFaults.one(Latency(delay_s=1)).then(ReplaceFaults.one(Freeze(is_on=True)))
    there = Faults(Latency(delay_s=5), Slice(size_bytes=1))
    assert first.applied_to(there) == Faults(Latency(delay_s=1), Freeze(is_on=True), Slice(size_bytes=1))
    assert first.then(ReplaceFaults.everything()).applied_to(there) == NO_FAULTS


@pytest.mark.parametrize("call", [Overrides.remove, Overrides.settle])
def test_an_override_that_is_not_there_is_an_error(call: Any) -> None:
    with pytest.raises(OverrideNotFound) as caught:
        call(Overrides(Defaults()), "a")
    assert caught.value.id == "a"


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("ttl_s", lambda: Override(ttl_s=0)),
        ("ttl_s", lambda: Override(ttl_s=-1)),
        ("connection_duration_s", lambda: Override(connection_duration_s=-1)),
        ("availability", lambda: Override(availability="open")),  # type: ignore[arg-type]
        ("name", lambda: Override(name="x" * 101)),
        ("name", lambda: Override(name=7)),  # type: ignore[arg-type]
        ("target", lambda: Override(target="one", availability=Availability.UP)),
        ("target", lambda: Override(target="one", connection_duration_s=1)),
        ("target", lambda: Override(target="one", is_quiet=True)),
        ("is_quiet", lambda: Override(is_quiet=True, availability=Availability.UP)),
        ("is_quiet", lambda: Override(is_quiet=True, upstream=ReplaceFaults.everything())),
        ("is_quiet", lambda: Apply(override=Override(is_quiet=True), permanent=True)),
        ("target", lambda: Overrides(Defaults()).add("a", latency(1, target=LIVE))),
    ],
)
def test_what_cannot_be_is_refused(name: str, make: Any) -> None:
    with pytest.raises(SettingError) as caught:
        make()
    assert caught.value.name == name


def test_an_id_is_used_once_at_a_time() -> None:
    overrides = Overrides(Defaults())
    overrides.add("a", SLOW)
    with pytest.raises(SettingError) as caught:
        overrides.add("a", SLOWER)
    assert caught.value.name == "id"


def test_what_an_override_names_is_what_it_replaces() -> None:
    fault: Fault = Latency(delay_s=1)
    override = Override(downstream=ReplaceFaults.one(fault))
    assert override.replaced(UP) is None
    assert override.replaced(DOWN) == ReplaceFaults(((Latency, None),), Faults(fault))
    assert override.changes_faults
    assert not Override(availability=Availability.DOWN).changes_faults


def test_its_times_may_have_a_unit_and_are_kept_as_seconds() -> None:
    override = Override(connection_duration_s="2min", ttl_s=timedelta(milliseconds=1500))
    assert (override.connection_duration_s, override.ttl_s) == (120, 1.5)
    assert override == Override(connection_duration_s=120, ttl_s=1.5)
