"""Faces: what is read, and what is waited for; the same for those who block and those who await."""

from __future__ import annotations

import inspect

import pytest

from tests.control.fake_proxy import DOWN, UP, AsyncFakeFace, FakeFace, FakeProxy
from trixter.control import AsyncLiveConnection, AsyncProxyFace, LiveConnection, ProxyFace
from trixter.errors import WaitTimeout
from trixter.faults import CALM, Faults, Latency

SLOW = Faults(Latency(delay_s=0.1))


@pytest.mark.parametrize(
    ("face", "async_face"), [(ProxyFace, AsyncProxyFace), (LiveConnection, AsyncLiveConnection)]
)
def test_both_faces_have_the_same_words_with_the_same_arguments(
    face: type[object], async_face: type[object]
) -> None:
    def words(of: type[object]) -> dict[str, list[str]]:
        public = [name for name in dir(of) if not name.startswith("_")]
        values = {name: inspect.getattr_static(of, name) for name in public}
        functions = {name: getattr(value, "fget", value) for name, value in values.items()}
        return {name: list(inspect.signature(each).parameters) for name, each in functions.items()}

    assert words(face) == words(async_face)


def test_what_is_there_is_read() -> None:
    fake = FakeProxy(one=SLOW, two=CALM)
    face = FakeFace(fake)
    one, two = face.connections
    assert (one.id, two.id) == ("one", "two")
    assert one.state.faults == {UP: SLOW, DOWN: SLOW}
    assert repr(one) == "<LiveConnection one from 127.0.0.1:59024>"
    assert face.connection("two").id == "two"
    assert face.stats.connections_accepted == 2
    assert face.defaults == fake.defaults


def test_a_connection_is_as_it_was_read_until_it_is_read_again() -> None:
    (one,) = FakeFace(FakeProxy(one=CALM)).connections
    one.latency(0.1)
    assert one.state.faults[UP] == CALM
    one.refresh()
    assert one.state.faults[UP] == SLOW


def test_a_connection_that_is_there_is_not_waited_for() -> None:
    fake = FakeProxy(one=CALM, two=CALM)
    assert FakeFace(fake).wait_for_connection().id == "one"
    assert fake.now == 100.0


def test_a_connection_that_comes_in_time_is_returned() -> None:
    fake = FakeProxy()
    fake.schedule = {103.0: lambda: None, 105.0: lambda: fake.open("late")}
    assert FakeFace(fake).wait_for_connection(timeout_s=5).id == "late"


def test_a_wait_in_vain_says_what_was_seen_instead() -> None:
    fake = FakeProxy(one=CALM)
    fake.end("one", "reset by client")
    fake.schedule = {106.0: lambda: fake.open("too late")}
    with pytest.raises(WaitTimeout) as caught:
        FakeFace(fake).wait_for_connection(timeout_s=5)
    assert str(caught.value) == (
        "waited 5 s in vain for a live connection; so far: 1 connection accepted, 0 open, "
        "ended: 1 reset by client; 10 B up, 20 B down"
    )
    assert isinstance(caught.value, TimeoutError)
    assert fake.now == 105.0


def test_no_connection_is_waited_for() -> None:
    fake = FakeProxy(one=CALM)
    with pytest.raises(
        WaitTimeout, match=r"for no connection to be open or dialling; so far: 1 .* ended: none"
    ):
        FakeFace(fake).wait_for_no_connections(timeout_s=1)
    fake.schedule = {102.5: lambda: fake.end("one")}
    FakeFace(fake).wait_for_no_connections()


def test_one_that_waits_for_its_upstream_is_waited_for_too() -> None:
    fake = FakeProxy()
    fake.dialling = 1
    with pytest.raises(WaitTimeout, match=r"so far: 0 connections accepted, 0 open, 1 dialling, ended: none"):
        FakeFace(fake).wait_for_no_connections(timeout_s=1)
    fake.schedule = {102.5: lambda: setattr(fake, "dialling", 0)}
    FakeFace(fake).wait_for_no_connections()


def test_a_condition_of_ones_own_is_waited_for() -> None:
    fake = FakeProxy()
    fake.schedule = {101.0: lambda: fake.open("one"), 102.0: lambda: fake.open("two")}
    stats = FakeFace(fake).wait_for(lambda stats: stats.connections_accepted == 2)
    assert stats.connections_accepted == 2
    with pytest.raises(WaitTimeout, match="for counters that meet the condition"):
        FakeFace(fake).wait_for(lambda stats: stats.ended, timeout_s=0)


async def test_those_who_await_can_do_all_of_it() -> None:
    fake = FakeProxy(one=SLOW, two=CALM)
    face = AsyncFakeFace(fake)
    one, two = await face.connections()
    await one.latency(0)
    await one.refresh()
    assert one.state.faults[UP] == CALM
    assert repr(one) == "<AsyncLiveConnection one from 127.0.0.1:59024>"
    assert (await face.connection("two")).id == "two"
    assert (await face.wait_for_connection()).id == "one"
    async with two.hold():
        await two.reset()
    await face.close_all()
    await face.wait_for_no_connections(timeout_s=0)
    assert (await face.stats()).ended == {"reset by the test, reset": 1, "closed by the test": 1}
    assert await face.defaults() == fake.defaults
    assert (await face.wait_for(lambda stats: stats.connections_accepted == 2)).connections_open == 0
    with pytest.raises(WaitTimeout):
        await face.wait_for_connection(timeout_s=1)
