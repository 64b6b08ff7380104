"""Fault methods: the override of each, and the values that they refuse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from inspect import signature
from typing import Any

import pytest

from tests.control.local_handles import LocalHandle, Recorder, idle_controller
from trixter.control import ALL, Change, Override, ReplaceFaults
from trixter.control.commands import Apply, EndConnections
from trixter.control.fault_methods import (
    SYNONYMS,
    AnyDirection,
    ConnectionMethods,
    FaultKeywords,
    FaultMethods,
    ProxyMethods,
)
from trixter.errors import SettingError
from trixter.faults import (
    CATALOGUE,
    Corrupt,
    CorruptMode,
    Direction,
    Fault,
    Freeze,
    Latency,
    LoseAnswer,
    LoseRequest,
    Slice,
    Terminate,
    Throttle,
)
from trixter.faults.entry import Entry
from trixter.profiles import find_profile
from trixter.settings import Availability

Method = Callable[[FaultMethods[Change]], object]

FLIP = Corrupt(probability=0.5, mode=CorruptMode.FLIP)

ONE_FAULT: dict[str, tuple[Method, Fault]] = {
    "latency": (lambda on: on.latency(0.25, jitter_s=0.05), Latency(delay_s=0.25, jitter_s=0.05)),
    "latency with a unit": (
        lambda on: on.latency("250ms", jitter_s=timedelta(milliseconds=50)),
        Latency(delay_s=0.25, jitter_s=0.05),
    ),
    "latency of minutes": (lambda on: on.latency("5min"), Latency(delay_s="300s")),
    "throttle with a unit": (lambda on: on.throttle("1mbit"), Throttle(rate_bytes_per_s=125_000)),
    "latency of zero": (lambda on: on.latency(0), Latency()),
    "throttle": (
        lambda on: on.throttle(1000, queue_bytes=9),
        Throttle(rate_bytes_per_s=1000, queue_bytes=9),
    ),
    "slice": (
        lambda on: on.slice(16, variation_bytes=4, gap_s=0.01),
        Slice(size_bytes=16, variation_bytes=4, gap_s=0.01),
    ),
    "corrupt": (lambda on: on.corrupt(0.5, mode=CorruptMode.FLIP), FLIP),
    "corrupt, by name": (lambda on: on.corrupt(0.5, mode="flip"), FLIP),
    "terminate": (lambda on: on.terminate(0.01), Terminate(probability=0.01)),
    "freeze": (lambda on: on.freeze(), Freeze(is_on=True)),
    "unfreeze": (lambda on: on.unfreeze(), Freeze()),
    "no freeze": (lambda on: on.freeze(False), Freeze()),
}


class Connection(ConnectionMethods[Override, Any]):
    """A connection whose changes are their overrides."""

    def _change(self, method: str, override: Override) -> Override:
        return override

    def _do(self, command: Any) -> Any:
        return command


@pytest.fixture
def handle() -> LocalHandle:
    return LocalHandle(Recorder(idle_controller()))


def applied(handle: LocalHandle) -> Override:
    (command,) = handle.recorder.sent
    assert isinstance(command, Apply)
    return command.override


@pytest.mark.parametrize(("method", "fault"), ONE_FAULT.values(), ids=ONE_FAULT)
def test_a_fault_method_replaces_its_kind_in_both_directions(
    handle: LocalHandle, method: Method, fault: Fault
) -> None:
    method(handle)
    one = ReplaceFaults.one(fault)
    assert applied(handle) == Override(target=ALL, upstream=one, downstream=one)


@pytest.mark.parametrize(("method", "fault"), ONE_FAULT.values(), ids=ONE_FAULT)
def test_on_a_connection_it_is_for_that_one(method: Any, fault: Fault) -> None:
    one = ReplaceFaults.one(fault)
    assert method(Connection("a1-7")) == Override(target="a1-7", upstream=one, downstream=one)


@pytest.mark.parametrize("direction", [Direction.UPSTREAM, "upstream"])
def test_a_direction_leaves_the_other_alone(handle: LocalHandle, direction: AnyDirection) -> None:
    handle.latency(0.1, direction=direction)
    assert applied(handle) == Override(upstream=ReplaceFaults.one(Latency(delay_s=0.1)))


def test_faults_are_exactly_those_also_several_of_one_kind(handle: LocalHandle) -> None:
    two = [Latency(delay_s=0.1), Latency(delay_s=0.2)]
    handle.set_faults(*two, direction="downstream")
    assert applied(handle) == Override(downstream=ReplaceFaults.everything(*two))


@pytest.mark.parametrize("direction", [None, "downstream"])
def test_a_fault_of_one_direction_is_set_in_that_one(handle: LocalHandle, direction: AnyDirection) -> None:
    lost = LoseAnswer(probability=0.1, answer_bytes=9, silence=True)
    handle.lose_answer(0.1, answer_bytes=9, silence=True, direction=direction)
    assert applied(handle) == Override(downstream=ReplaceFaults.one(lost))


def test_and_so_it_is_among_others(handle: LocalHandle) -> None:
    late, lost = Latency(delay_s=0.1), LoseRequest(probability=0.1)
    handle.set_faults(lost, late)
    assert applied(handle) == Override(
        upstream=ReplaceFaults.everything(lost, late), downstream=ReplaceFaults.everything(late)
    )


def test_clear_removes_every_fault(handle: LocalHandle) -> None:
    handle.clear()
    assert applied(handle) == Override(
        upstream=ReplaceFaults.everything(), downstream=ReplaceFaults.everything()
    )


@pytest.mark.parametrize("profile", ["3g", find_profile("3g")])
def test_a_profile_is_exactly_its_faults_in_each_direction(handle: LocalHandle, profile: Any) -> None:
    found = find_profile("3g")
    assert repr(handle.profile(profile)) == "<Change: profile 3g>"
    assert applied(handle) == Override(
        upstream=ReplaceFaults.everything(*found.upstream),
        downstream=ReplaceFaults.everything(*found.downstream),
    )


PROXY: dict[str, tuple[Callable[[LocalHandle], object], Override]] = {
    "duration": (lambda on: on.connection_duration(60), Override(connection_duration_s=60)),
    "quiet": (lambda on: on.quiet(), Override(is_quiet=True)),
    "down": (lambda on: on.down(), Override(availability=Availability.DOWN)),
    "refuse": (lambda on: on.refuse(), Override(availability=Availability.REFUSING)),
    "apply": (
        lambda on: on.apply(Override(availability=Availability.DOWN, connection_duration_s=1, name="x")),
        Override(availability=Availability.DOWN, connection_duration_s=1, name="x"),
    ),
}


@pytest.mark.parametrize(("method", "override"), PROXY.values(), ids=PROXY)
def test_what_is_for_a_proxy_is_an_override_too(
    handle: LocalHandle, method: Callable[[LocalHandle], object], override: Override
) -> None:
    method(handle)
    assert applied(handle) == override


def test_connections_are_ended_on_request() -> None:
    connection = Connection("a1-7")
    assert connection.reset() == EndConnections(target="a1-7", reason="on request", reset=True)
    assert connection.close() == EndConnections(target="a1-7", reason="on request", reset=False)
    assert connection.close("x") == EndConnections(target="a1-7", reason="x", reset=False)


def test_all_connections_are_ended_on_request(handle: LocalHandle) -> None:
    handle.reset_all()
    handle.close_all("x")
    assert handle.recorder.sent == [
        EndConnections(target=ALL, reason="on request", reset=True),
        EndConnections(target=ALL, reason="x", reset=False),
    ]


@pytest.mark.parametrize("is_on", [None, 1, "upstream"])
def test_a_freeze_is_on_or_off(handle: LocalHandle, is_on: Any) -> None:
    with pytest.raises(SettingError, match="is_on"):
        handle.freeze(is_on)


BAD: dict[str, tuple[Callable[[LocalHandle], object], str]] = {
    "a delay": (lambda on: on.latency(-1), "delay_s must be a number of seconds, 0 or more, not -1"),
    "a direction": (
        lambda on: on.freeze(direction="up"),  # type: ignore[arg-type]
        "direction must be 'upstream', 'downstream' or None, not 'up'",
    ),
    "a mode": (
        lambda on: on.corrupt(1, mode="swap"),  # type: ignore[arg-type]
        "mode must be 'insert' or 'flip', not 'swap'",
    ),
    "milliseconds for seconds": (lambda on: on.latency(250), 'delay_s must be .* "250ms" or "250s"'),
    "a duration in milliseconds": (
        lambda on: on.connection_duration(5000),
        'connection_duration_s must be .* "5000ms" or "5000s"',
    ),
    "a rate of either unit": (lambda on: on.throttle("1mbps"), 'rate_bytes_per_s must be .*"1mbit"'),
    "a duration": (
        lambda on: on.connection_duration(-1),
        "connection_duration_s must be a number of seconds, 0 or more",
    ),
    "a profile": (lambda on: on.profile("3g-quick"), "profile must be one of .*3g"),
    "no profile": (lambda on: on.profile(None), "profile must be one of"),  # type: ignore[arg-type]
    "a profile of two": (
        lambda on: on.profile(["2g", "3g"]),  # type: ignore[arg-type]
        "profile must be one of .*3g",
    ),
    "no fault": (lambda on: on.set_faults("3g"), "faults must be faults"),  # type: ignore[arg-type]
    "a reason": (lambda on: on.close_all(None), "reason must be text"),  # type: ignore[arg-type]
    "a wait": (lambda on: on.wait_for_connection(-1), "timeout_s must be a number of seconds"),
}


@pytest.mark.parametrize(("tell", "text"), BAD.values(), ids=BAD)
def test_a_bad_value_is_refused_before_anything_is_sent(
    handle: LocalHandle, tell: Callable[[LocalHandle], object], text: str
) -> None:
    with pytest.raises(SettingError, match=text):
        tell(handle)
    assert handle.recorder.sent == []


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("bandwidth", "throttle"),
        ("delay", "latency"),
        ("blackhole", "freeze"),
        ("timeout", "freeze"),
        ("kill", "reset_all"),
        ("loss", "latency or terminate"),
        ("trottle", "throttle"),
        ("wait_for_connections", "wait_for_connection"),
    ],
)
def test_a_mistyped_method_is_refused_with_the_one_that_was_meant(
    handle: LocalHandle, wrong: str, meant: str
) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(handle, wrong)
    assert str(caught.value) == f"'LocalHandle' object has no attribute {wrong!r}: did you mean {meant}?"
    assert (caught.value.name, caught.value.obj) == (wrong, handle)


@pytest.mark.parametrize("name", ["__array__", "_repr_html_", "xyzzy"])
def test_a_name_like_no_method_is_refused_without_a_guess(handle: LocalHandle, name: str) -> None:
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'$"):
        getattr(handle, name)


def test_what_other_tools_call_a_method_is_none_here_and_what_is_meant_is_one() -> None:
    methods = {*dir(ProxyMethods), *dir(ConnectionMethods)}
    assert methods.issuperset(SYNONYMS)
    assert methods.isdisjoint(word for words in SYNONYMS.values() for word in words.split())


def test_a_connection_is_told_of_its_own_methods() -> None:
    with pytest.raises(AttributeError, match=r"did you mean reset\?"):
        Connection("a1-7").kill  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_every_fault_is_a_keyword_with_the_type_of_its_method(entry: Entry) -> None:
    _, first, *_ = signature(getattr(FaultMethods, entry.name)).parameters.values()
    assert FaultKeywords.__annotations__[entry.name].__forward_arg__ == first.annotation
