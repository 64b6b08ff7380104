"""Changes: kept, undone, or used with ``with``; the same for those who await."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from tests.control.fake_proxy import UP, AsyncFakeFace, FakeFace, FakeProxy
from trixter.control import Step
from trixter.control.steps import ReadConnections, SetDefaults, SetFaults
from trixter.errors import ApiUnreachable, SettingError
from trixter.faults import CALM, Faults, Latency

SLOW = Faults(Latency(delay_s=0.1))


def unreachable() -> None:
    raise ApiUnreachable("http://127.0.0.1:8888", "connection refused")


@pytest.fixture
def fake() -> FakeProxy:
    return FakeProxy(one=CALM)


def test_a_plain_call_applies_at_once_and_stays(fake: FakeProxy) -> None:
    FakeFace(fake).latency(0.1)
    gc.collect()
    assert fake.connections["one"][UP] == SLOW


def test_a_change_is_undone_once(fake: FakeProxy) -> None:
    face = FakeFace(fake)
    change = face.latency(0.1)
    change.undo()
    face.latency(0.1)
    change.undo()
    assert fake.connections["one"][UP] == SLOW


def test_a_body_that_fails_restores_too(fake: FakeProxy) -> None:
    with pytest.raises(KeyboardInterrupt), FakeFace(fake).latency(0.1):
        raise KeyboardInterrupt
    assert fake.connections["one"][UP] == CALM


def test_a_change_can_be_made_first_and_entered_then(fake: FakeProxy) -> None:
    change = FakeFace(fake).latency(0.1)
    with change as entered:
        assert entered is change
        assert repr(change) == "<Change: latency>"
    assert repr(change) == "<Change: latency, undone>"
    with pytest.raises(RuntimeError, match="<Change: latency, undone> cannot be entered"):
        change.__enter__()


@pytest.mark.parametrize("kind", [ReadConnections, SetDefaults, SetFaults])
def test_a_change_that_fails_halfway_is_taken_back(
    fake: FakeProxy, kind: type[ReadConnections | SetDefaults | SetFaults]
) -> None:
    fake.before[kind] = unreachable
    with pytest.raises(ApiUnreachable):
        FakeFace(fake).latency(0.1)
    assert (fake.defaults.upstream, fake.connections["one"][UP]) == (CALM, CALM)


def test_when_undoing_fails_as_well_the_first_failure_is_told(fake: FakeProxy) -> None:
    def now_and_later() -> None:
        fake.before[SetDefaults] = unreachable
        raise SettingError("it", 1, "else")

    fake.before[SetFaults] = now_and_later
    with pytest.raises(SettingError):
        FakeFace(fake).latency(0.1)


def test_a_failure_to_undo_is_raised_and_can_be_tried_again(fake: FakeProxy) -> None:
    change = FakeFace(fake).latency(0.1)
    fake.before[SetDefaults] = unreachable
    with pytest.raises(ApiUnreachable), change:
        pass
    change.undo()
    assert fake.connections["one"][UP] == CALM


def test_a_failure_to_undo_does_not_hide_why_the_body_failed(fake: FakeProxy) -> None:
    def fail_in_a_body() -> None:
        with FakeFace(fake).latency(0.1):
            fake.before[SetDefaults] = unreachable
            raise AssertionError("late")

    with pytest.raises(AssertionError, match="late") as caught:
        fail_in_a_body()
    assert caught.value.__notes__ == [
        "latency could not be undone: no API answers at http://127.0.0.1:8888: connection refused"
    ]


async def test_awaited_it_applies_and_stays(fake: FakeProxy) -> None:
    change = AsyncFakeFace(fake).latency(0.1)
    assert fake.connections["one"][UP] == CALM
    assert repr(change) == "<AsyncChange: latency, not begun>"
    assert await change is change
    assert fake.connections["one"][UP] == SLOW
    await change.undo()
    await change.undo()
    assert fake.connections["one"][UP] == CALM
    assert repr(change) == "<AsyncChange: latency, undone>"


async def test_entered_it_applies_and_undoes(fake: FakeProxy) -> None:
    async with AsyncFakeFace(fake).latency(0.1):
        assert fake.connections["one"][UP] == SLOW
    assert fake.connections["one"][UP] == CALM


async def test_awaited_and_then_entered_it_applies_once(fake: FakeProxy) -> None:
    async with await AsyncFakeFace(fake).latency(0.1) as change:
        assert sum(isinstance(step, SetDefaults) for step in fake.asked) == 1
    assert fake.connections["one"][UP] == CALM
    with pytest.raises(RuntimeError, match="cannot be entered"):
        await change


async def test_a_body_that_fails_restores_for_those_who_await(fake: FakeProxy) -> None:
    with pytest.raises(KeyError):
        async with AsyncFakeFace(fake).latency(0.1):
            raise KeyError
    assert fake.connections["one"][UP] == CALM


class Patiently(AsyncFakeFace):
    """Every step takes a moment, in which it can be cancelled."""

    async def _perform(self, step: Step[Any]) -> Any:
        result = self.fake.perform(step)
        await checkpoint()
        return result


async def test_a_task_that_is_cancelled_while_it_undoes_undoes_all_of_it(fake: FakeProxy) -> None:
    task = asyncio.current_task()
    assert task is not None
    change = Patiently(fake).latency(0.1)
    with pytest.raises(asyncio.CancelledError):  # by asyncio's own means, as its timeouts do
        async with change:
            fake.before[SetDefaults] = task.cancel
    task.uncancel()
    assert fake.defaults.upstream == fake.connections["one"][UP] == CALM
    assert repr(change) == "<AsyncChange: latency, undone>"


async def test_a_body_that_is_cancelled_restores(fake: FakeProxy) -> None:
    with anyio.CancelScope() as scope:
        async with Patiently(fake).latency(0.1):
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert fake.connections["one"][UP] == CALM


@pytest.mark.parametrize("kind", [ReadConnections, SetDefaults, SetFaults])
async def test_a_change_that_is_cancelled_halfway_is_taken_back(
    fake: FakeProxy, kind: type[ReadConnections | SetDefaults | SetFaults]
) -> None:
    with anyio.CancelScope() as scope:
        fake.before[kind] = scope.cancel
        await Patiently(fake).latency(0.1)
    assert scope.cancelled_caught
    assert (fake.defaults.upstream, fake.connections["one"][UP]) == (CALM, CALM)


async def test_a_failure_to_undo_is_noted_or_raised_for_those_who_await(fake: FakeProxy) -> None:
    async def undo_in_vain(failure: Exception | None) -> None:
        async with AsyncFakeFace(fake).latency(0.1):
            fake.before[SetDefaults] = unreachable
            if failure is not None:
                raise failure

    with pytest.raises(KeyError) as caught:
        await undo_in_vain(KeyError())
    assert caught.value.__notes__[0].startswith("latency could not be undone")
    with pytest.raises(ApiUnreachable):
        await undo_in_vain(None)


def test_one_that_was_never_awaited_says_so(fake: FakeProxy) -> None:
    with pytest.warns(RuntimeWarning, match="latency was never awaited, so nothing changed"):
        AsyncFakeFace(fake).latency(0.1)
    assert fake.asked == []


BAD: list[Callable[[AsyncFakeFace], object]] = [
    lambda on: on.latency(-1),
    lambda on: on.close_all(None),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("tell", BAD)
def test_a_bad_value_is_refused_at_the_call_and_not_when_it_is_awaited(
    fake: FakeProxy, tell: Callable[[AsyncFakeFace], object]
) -> None:
    with pytest.raises(SettingError):
        tell(AsyncFakeFace(fake))
