"""Words: what each of them means, and that what was there before comes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.control.fake_proxy import DOWN, UP, FakeFace, FakeProxy
from trixter.control import Change
from trixter.control.steps import ReadConnections, SetDefaults, SetFaults
from trixter.control.words import FaultWords
from trixter.errors import ConnectionNotFound, SettingError
from trixter.faults import (
    CALM,
    Corrupt,
    CorruptMode,
    Direction,
    Faults,
    Hold,
    Latency,
    Slice,
    Terminate,
    Throttle,
)
from trixter.profiles import find_profile
from trixter.settings import Door

SLOW, SLOWER, SLOWEST = (Latency(delay_s=delay_s) for delay_s in (0.1, 0.2, 0.3))
NARROW = Throttle(rate_bytes_per_s=1000)

Word = Callable[[FaultWords[Change]], Change]

WORDS: dict[str, tuple[Word, Faults]] = {
    "latency": (
        lambda on: on.latency(0.25, jitter_s=0.05),
        Faults(Latency(delay_s=0.25, jitter_s=0.05)),
    ),
    "throttle": (lambda on: on.throttle(1000), Faults(NARROW)),
    "throttle, short": (
        lambda on: on.throttle(1000, queue_bytes=9),
        Faults(Throttle(rate_bytes_per_s=1000, queue_bytes=9)),
    ),
    "slice": (
        lambda on: on.slice(16, variation_bytes=4, gap_s=0.01),
        Faults(Slice(size_bytes=16, variation_bytes=4, gap_s=0.01)),
    ),
    "corrupt": (
        lambda on: on.corrupt(0.5, mode=CorruptMode.FLIP),
        Faults(Corrupt(probability=0.5, mode=CorruptMode.FLIP)),
    ),
    "corrupt by name": (
        lambda on: on.corrupt(0.5, mode="flip"),
        Faults(Corrupt(probability=0.5, mode=CorruptMode.FLIP)),
    ),
    "terminate": (lambda on: on.terminate(0.01), Faults(Terminate(probability=0.01))),
    "hold": (lambda on: on.hold(), Faults(Hold(is_on=True))),
    "hold, said": (lambda on: on.hold(True), Faults(Hold(is_on=True))),
}


def both(faults: Faults) -> dict[Direction, Faults]:
    return dict.fromkeys(Direction, faults)


@pytest.mark.parametrize(("word", "faults"), WORDS.values(), ids=WORDS)
def test_a_fault_word_on_a_proxy_is_for_every_connection_and_those_to_come(
    word: Word, faults: Faults
) -> None:
    fake = FakeProxy(old=CALM)
    word(FakeFace(fake))
    fake.open("new")
    assert fake.connections == {"old": both(faults), "new": both(faults)}


@pytest.mark.parametrize(("word", "faults"), WORDS.values(), ids=WORDS)
def test_a_fault_word_on_a_connection_is_for_that_one_alone(word: Word, faults: Faults) -> None:
    fake = FakeProxy(this=CALM, other=CALM)
    word(FakeFace(fake).connections[0])
    fake.open("new")
    assert fake.connections == {"this": both(faults), "other": both(CALM), "new": both(CALM)}


@pytest.mark.parametrize("direction", [UP, "upstream"])
def test_a_direction_leaves_the_other_alone(direction: Direction | str) -> None:
    fake = FakeProxy(one=Faults(NARROW))
    FakeFace(fake).latency(0.1, direction=direction)
    assert fake.connections["one"] == {UP: Faults(SLOW, NARROW), DOWN: Faults(NARROW)}
    assert (fake.defaults.upstream, fake.defaults.downstream) == (Faults(SLOW), CALM)


def test_a_fault_of_zero_switches_its_kind_off_and_no_other() -> None:
    fake = FakeProxy(one=Faults(SLOW, NARROW))
    FakeFace(fake).latency(0)
    assert fake.connections["one"] == both(Faults(NARROW))


RELEASES: dict[str, Word] = {
    "release": lambda on: on.release(),
    "no hold": lambda on: on.hold(False),
    "no hold, by name": lambda on: on.hold(is_on=False),
}


@pytest.mark.parametrize("release", RELEASES.values(), ids=[*RELEASES])
def test_release_ends_the_holds_and_nothing_else(release: Word) -> None:
    fake = FakeProxy(one=Faults(Hold(is_on=True), SLOW))
    release(FakeFace(fake))
    assert fake.connections["one"] == both(Faults(SLOW))


def test_calm_takes_every_fault_away_until_it_is_over() -> None:
    fake = FakeProxy(one=Faults(SLOW, NARROW))
    with FakeFace(fake).calm():
        assert fake.connections["one"] == both(CALM)
    assert fake.connections["one"] == both(Faults(SLOW, NARROW))


def test_faults_are_exactly_those_also_several_of_one_kind() -> None:
    fake = FakeProxy(one=Faults(NARROW))
    with FakeFace(fake).faults(SLOW, SLOWER):
        assert fake.connections["one"] == both(Faults(SLOW, SLOWER))
    assert fake.connections["one"] == both(Faults(NARROW))


def test_a_profile_is_exactly_its_faults_in_each_direction() -> None:
    fake = FakeProxy(one=Faults(Slice(size_bytes=1)))
    profile = find_profile("3g")
    with FakeFace(fake).profile("3g"):
        assert fake.connections["one"] == {UP: profile.upstream, DOWN: profile.downstream}
    with FakeFace(fake).profile(profile):
        assert fake.connections["one"][UP] == profile.upstream
    assert fake.connections["one"] == both(Faults(Slice(size_bytes=1)))


def test_what_a_connection_had_of_its_own_comes_back_to_it() -> None:
    fake = FakeProxy(one=Faults(SLOW), two=Faults(SLOWER, NARROW), three=CALM)
    with FakeFace(fake).latency(0.3):
        assert [faults[UP] for faults in fake.connections.values()] == [
            Faults(SLOWEST),
            Faults(SLOWEST, NARROW),
            Faults(SLOWEST),
        ]
    assert fake.connections == {
        "one": both(Faults(SLOW)),
        "two": both(Faults(SLOWER, NARROW)),
        "three": both(CALM),
    }


def test_only_the_kind_that_was_changed_comes_back() -> None:
    fake = FakeProxy(one=CALM)
    face = FakeFace(fake)
    with face.latency(0.1):
        face.throttle(1000)
    assert fake.connections["one"] == both(Faults(NARROW))


def test_connections_opened_meanwhile_get_the_former_default() -> None:
    fake = FakeProxy(old=Faults(SLOWEST))
    face = FakeFace(fake)
    fake.defaults = fake.defaults.with_faults(UP, Faults(SLOW))
    with face.latency(0.2):
        fake.open("new")
        assert fake.connections["new"] == both(Faults(SLOWER))
    assert fake.connections["new"] == {UP: Faults(SLOW), DOWN: CALM}
    assert fake.connections["old"] == both(Faults(SLOWEST))


def test_one_that_opens_just_before_the_defaults_change_is_changed_and_brought_back() -> None:
    fake = FakeProxy(old=CALM)
    fake.before[SetDefaults] = lambda: fake.open("between")
    with FakeFace(fake).latency(0.1):
        assert fake.connections["between"] == both(Faults(SLOW))
    assert fake.connections["between"] == both(CALM)


def test_one_that_opens_just_after_the_defaults_change_is_brought_back() -> None:
    fake = FakeProxy(old=Faults(NARROW))
    fake.before[SetFaults] = lambda: fake.open("between")
    with FakeFace(fake).latency(0.1):
        assert fake.connections["between"] == both(Faults(SLOW))
    assert fake.connections["between"] == both(CALM)


def test_connections_gone_meanwhile_are_no_error() -> None:
    fake = FakeProxy(one=Faults(SLOW), two=CALM)
    face = FakeFace(fake)
    with face.latency(0.2), face.connections[1].throttle(1000):
        fake.end("two")
    assert fake.connections == {"one": both(Faults(SLOW))}


def test_one_that_goes_while_it_is_brought_back_is_no_error() -> None:
    fake = FakeProxy(one=Faults(SLOW), two=CALM)
    change = FakeFace(fake).latency(0.2)
    fake.before[SetFaults] = lambda: fake.end("one")
    change.undo()
    assert fake.connections == {"two": both(CALM)}


def test_changes_that_nest_and_overlap_are_taken_back_like_parentheses() -> None:
    fake = FakeProxy(old=Faults(SLOWEST))
    face = FakeFace(fake)
    kept = face.throttle(1000)
    with face.latency(0.1) as outer:
        fake.open("within outer")
        with face.latency(0.2, direction="downstream"), face.calm(direction="upstream"):
            fake.open("within all")
            own = face.connections[0].latency(0.3)
            assert fake.connections["old"] == {UP: Faults(SLOWEST), DOWN: Faults(NARROW, SLOWEST)}
            own.undo()
            assert fake.connections["old"] == {UP: CALM, DOWN: Faults(NARROW, SLOWER)}
            assert fake.connections["within all"] == {UP: CALM, DOWN: Faults(NARROW, SLOWER)}
        assert fake.connections == dict.fromkeys(fake.connections, both(Faults(NARROW, SLOW)))
        inner = face.profile("2g")
        fake.open("within inner")
        inner.undo()
        assert fake.connections["within inner"] == both(Faults(NARROW, SLOW))
    outer.undo()  # twice is no error
    assert fake.connections["old"] == both(Faults(NARROW, SLOWEST))
    assert fake.connections["within outer"] == both(Faults(NARROW))
    kept.undo()
    assert fake.connections == {
        "old": both(Faults(SLOWEST)),
        "within outer": both(CALM),
        "within all": both(CALM),
        "within inner": both(CALM),
    }
    assert (fake.defaults.upstream, fake.defaults.downstream) == (CALM, CALM)


def test_connections_that_are_alike_are_brought_back_in_one_step() -> None:
    fake = FakeProxy(**{f"c{number}": CALM for number in range(100)})
    with FakeFace(fake).latency(0.1):
        fake.asked.clear()
    assert len(fake.asked) == 3


def test_a_connection_that_is_as_it_was_is_left_alone() -> None:
    fake = FakeProxy(one=Faults(SLOW), two=Faults(SLOW))
    with FakeFace(fake).latency(0.1):
        fake.asked.clear()
    assert [type(step) for step in fake.asked] == [SetDefaults, ReadConnections]


def test_a_duration_is_for_connections_to_come() -> None:
    fake = FakeProxy()
    with FakeFace(fake).duration(2.5):
        assert fake.defaults.duration_s == 2.5
    assert fake.defaults.duration_s == 0


def test_the_door_is_shut_and_opened_and_is_as_it_was_in_the_end() -> None:
    fake = FakeProxy()
    face = FakeFace(fake)
    seen = []
    with face.refuse():
        seen.append(fake.door)
        with face.down():
            seen.append(fake.door)
            with face.up():
                seen.append(fake.door)
            seen.append(fake.door)
        seen.append(fake.door)
    seen.append(fake.door)
    assert seen == [Door.REFUSING, Door.DOWN, Door.OPEN, Door.DOWN, Door.REFUSING, Door.OPEN]


def test_all_connections_are_ended_in_either_way() -> None:
    fake = FakeProxy(one=CALM, two=CALM)
    face = FakeFace(fake)
    face.reset_all()
    fake.open("three")
    face.close_all("enough")
    assert fake.ended == {"reset by the test, reset": 2, "enough": 1}


def test_one_connection_is_ended_in_either_way() -> None:
    fake = FakeProxy(one=CALM, two=CALM, three=CALM)
    one, two, _ = FakeFace(fake).connections
    one.reset("because")
    two.close()
    assert fake.ended == {"because, reset": 1, "closed by the test": 1}
    assert list(fake.connections) == ["three"]


def test_what_is_told_to_a_connection_that_is_over_is_an_error() -> None:
    fake = FakeProxy(one=CALM)
    face = FakeFace(fake)
    (connection,) = face.connections
    fake.end("one")
    for tell in (
        lambda: connection.latency(0.1),
        connection.reset,
        connection.close,
        connection.refresh,
        lambda: face.connection("one"),
    ):
        with pytest.raises(ConnectionNotFound, match="connection one not found: it is over, or never was"):
            tell()


BAD: dict[str, tuple[Callable[[FakeFace], object], str]] = {
    "a delay": (lambda on: on.latency(-1), "delay_s must be a number of seconds, 0 or more, not -1"),
    "a direction": (
        lambda on: on.hold(direction="up"),
        "direction must be 'upstream', 'downstream' or None, not 'up'",
    ),
    "a mode": (lambda on: on.corrupt(1, mode="swap"), "mode must be 'insert' or 'flip', not 'swap'"),
    "a duration": (lambda on: on.duration(-1), "duration_s must be a number of seconds, 0 or more"),
    "a profile": (lambda on: on.profile("3g-quick"), "profile must be one of .*3g"),
    "no profile": (lambda on: on.profile(None), "profile must be one of"),  # type: ignore[arg-type]
    "a profile of two": (
        lambda on: on.profile(["2g", "3g"]),  # type: ignore[arg-type]
        "profile must be one of .*3g",
    ),
    "no fault": (lambda on: on.faults("3g"), "faults must be faults"),  # type: ignore[arg-type]
    "a reason": (lambda on: on.close_all(None), "reason must be text"),  # type: ignore[arg-type]
    "a wait": (lambda on: on.wait_for_connection(-1), "timeout_s must be a number of seconds"),
}


@pytest.mark.parametrize(("tell", "text"), BAD.values(), ids=BAD)
def test_a_bad_value_is_refused_before_anything_is_asked(
    tell: Callable[[FakeFace], object], text: str
) -> None:
    fake = FakeProxy(one=CALM)
    with pytest.raises(SettingError, match=text):
        tell(FakeFace(fake))
    assert fake.asked == []


@pytest.mark.parametrize("is_on", [None, 1, "upstream"])
def test_a_hold_is_on_or_off(is_on: bool) -> None:
    with pytest.raises(SettingError, match="is_on"):
        FakeFace(FakeProxy()).hold(is_on)
