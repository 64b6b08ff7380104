"""Changes: kept, reverted, or used with ``with``; sync and async."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from tests.api.one_loop import anyio_backend as anyio_backend
from tests.control.local_handles import AsyncLocalHandle, LocalHandle, Recorder, idle_controller
from trixter.control import AsyncChange, Change, Override
from trixter.control.commands import Apply, ListOverrides, Renew, Revert
from trixter.errors import ApiUnreachable, SettingError
from trixter.faults import NO_FAULTS, Faults, Latency, Throttle
from trixter.settings import Availability
from trixter.testing import ManualClock

SLOW, SLOWER = Faults(Latency(delay_s=0.1)), Faults(Latency(delay_s=0.2))


def unreachable() -> None:
    raise ApiUnreachable("http://127.0.0.1:8888", "connection refused")


def interrupted() -> None:
    raise KeyboardInterrupt


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(idle_controller())


def faults(recorder: Recorder) -> Faults:
    return recorder.controller.proxy.defaults.upstream


def test_a_plain_call_applies_at_once_and_stays(recorder: Recorder) -> None:
    LocalHandle(recorder).latency(0.1)
    gc.collect()
    assert faults(recorder) == SLOW


def test_changes_are_reverted_in_any_order(recorder: Recorder) -> None:
    handle = LocalHandle(recorder)
    a, b = handle.latency(0.1), handle.latency(0.2)
    a.revert()
    assert faults(recorder) == SLOWER
    b.revert()
    assert faults(recorder) == NO_FAULTS


def test_a_change_is_reverted_once(recorder: Recorder) -> None:
    change = LocalHandle(recorder).latency(0.1)
    change.revert()
    change.revert()
    assert [type(command) for command in recorder.sent] == [Apply, Revert]


def test_a_body_that_fails_reverts_too(recorder: Recorder) -> None:
    with pytest.raises(KeyboardInterrupt), LocalHandle(recorder).latency(0.1):
        raise KeyboardInterrupt
    assert faults(recorder) == NO_FAULTS


def test_a_change_can_be_made_first_and_entered_then(recorder: Recorder) -> None:
    change = LocalHandle(recorder).latency(0.1)
    with change as entered:
        assert entered is change
        assert repr(change) == "<Change: latency>"
    assert repr(change) == "<Change: latency, reverted>"
    with pytest.raises(RuntimeError, match="<Change: latency, reverted> cannot be entered"):
        change.__enter__()


@pytest.mark.parametrize("failure", [unreachable, interrupted])
def test_what_was_applied_without_an_answer_is_reverted(
    recorder: Recorder, failure: Callable[[], None]
) -> None:
    recorder.after[Apply] = failure
    with pytest.raises((ApiUnreachable, KeyboardInterrupt)):
        LocalHandle(recorder).latency(0.1)
    assert faults(recorder) == NO_FAULTS
    assert recorder.controller.execute(ListOverrides()) == []


def test_when_reverting_fails_as_well_the_first_failure_is_raised(recorder: Recorder) -> None:
    recorder.before[Revert] = unreachable
    recorder.after[Apply] = interrupted
    with pytest.raises(KeyboardInterrupt):
        LocalHandle(recorder).latency(0.1)


def test_a_fault_of_zero_switches_its_kind_off_and_no_other(recorder: Recorder) -> None:
    handle = LocalHandle(recorder)
    handle.set_faults(*SLOW, Throttle(rate_bytes_per_s=1000))
    handle.latency(0)
    assert faults(recorder) == Faults(Throttle(rate_bytes_per_s=1000))


def test_what_was_refused_is_not_there_and_not_reverted(recorder: Recorder) -> None:
    def refuse() -> None:
        raise SettingError("it", 1, "else")

    recorder.before[Apply] = refuse
    with pytest.raises(SettingError):
        LocalHandle(recorder).latency(0.1)
    assert recorder.sent == []


def test_an_override_that_is_gone_is_no_error(recorder: Recorder) -> None:
    change = LocalHandle(recorder).latency(0.1)
    recorder.controller.execute(Revert(change.id))
    change.revert()
    assert repr(change) == "<Change: latency, reverted>"


def test_a_failure_to_revert_is_raised_and_can_be_tried_again(recorder: Recorder) -> None:
    change = LocalHandle(recorder).latency(0.1)
    recorder.before[Revert] = unreachable
    with pytest.raises(ApiUnreachable), change:
        pass
    change.revert()
    assert faults(recorder) == NO_FAULTS


def test_a_failure_to_revert_does_not_hide_why_the_body_failed(recorder: Recorder) -> None:
    def fail_in_a_body() -> None:
        with LocalHandle(recorder).latency(0.1):
            recorder.before[Revert] = unreachable
            raise AssertionError("late")

    with pytest.raises(AssertionError, match="late") as caught:
        fail_in_a_body()
    assert caught.value.__notes__ == [
        "latency could not be reverted: no API answers at http://127.0.0.1:8888: connection refused"
    ]


class FakeLease:
    """Remember what is asked of a lease."""

    def __init__(self, id: str) -> None:
        self.calls = [id]

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")


def leased(recorder: Recorder, leases: list[FakeLease] | None = None) -> Change:
    made = [] if leases is None else leases

    def new_lease(id: str) -> FakeLease:
        made.append(FakeLease(id))
        return made[-1]

    return Change("down", Override(availability=Availability.DOWN), recorder.execute, new_lease, 60)


def async_leased(recorder: Recorder, leases: list[FakeLease] | None = None) -> AsyncChange:
    made = [] if leases is None else leases

    def new_lease(id: str) -> FakeLease:
        made.append(FakeLease(id))
        return made[-1]

    async def send(command: Any) -> Any:
        return recorder.execute(command)

    return AsyncChange("down", Override(availability=Availability.DOWN), send, new_lease, 60)


def test_a_lease_lasts_as_long_as_the_with(recorder: Recorder) -> None:
    leases: list[FakeLease] = []
    change = leased(recorder, leases)
    assert leases == []
    with change, change:
        assert leases[0].calls == [change.id, "start"]
        assert recorder.sent[1:] == [Renew(change.id, 60)]
    assert leases[0].calls == [change.id, "start", "stop"]
    assert len(leases) == 1


def test_a_lease_that_was_lost_is_warned_of(recorder: Recorder) -> None:
    change = leased(recorder)
    with pytest.warns(RuntimeWarning, match="down was over before its `with`"), change:
        recorder.controller.execute(Revert(change.id))


def test_a_change_that_was_lost_before_the_with_is_warned_of(recorder: Recorder) -> None:
    change = leased(recorder)
    recorder.controller.execute(Revert(change.id))
    with pytest.warns(RuntimeWarning, match="down was over before its `with`"), change:
        pass


def test_a_change_that_cannot_be_leased_is_reverted(recorder: Recorder) -> None:
    recorder.before[Renew] = unreachable
    change = leased(recorder)
    with pytest.raises(ApiUnreachable):
        change.__enter__()
    assert recorder.controller.proxy.availability is Availability.UP


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_a_client_that_dies_as_soon_as_it_is_within_with_leaves_nothing(clock: ManualClock) -> None:
    controller = idle_controller(clock)
    leased(Recorder(controller)).__enter__()
    clock.advance(59)
    assert [controller.proxy.availability] == [Availability.DOWN]
    clock.advance(1)
    assert [controller.proxy.availability] == [Availability.UP]


@pytest.mark.parametrize("is_awaited_first", [False, True])
async def test_an_async_client_that_dies_as_soon_as_it_is_within_with_leaves_nothing(
    clock: ManualClock, is_awaited_first: bool
) -> None:
    controller = idle_controller(clock)
    change = async_leased(Recorder(controller))
    if is_awaited_first:
        await change
        clock.advance(3600)
    await change.__aenter__()
    clock.advance(59)
    assert [controller.proxy.availability] == [Availability.DOWN]
    clock.advance(1)
    assert [controller.proxy.availability] == [Availability.UP]


async def test_awaited_it_applies_and_stays(recorder: Recorder) -> None:
    change = AsyncLocalHandle(recorder).latency(0.1)
    assert faults(recorder) == NO_FAULTS
    assert repr(change) == "<AsyncChange: latency, not begun>"
    assert await change is change
    assert faults(recorder) == SLOW
    await change.revert()
    await change.revert()
    assert faults(recorder) == NO_FAULTS
    assert repr(change) == "<AsyncChange: latency, reverted>"


async def test_entered_it_applies_and_reverts(recorder: Recorder) -> None:
    async with AsyncLocalHandle(recorder).latency(0.1):
        assert faults(recorder) == SLOW
    assert faults(recorder) == NO_FAULTS


async def test_awaited_and_then_entered_it_applies_once(recorder: Recorder) -> None:
    async with await AsyncLocalHandle(recorder).latency(0.1) as change:
        assert [type(command) for command in recorder.sent] == [Apply]
    assert faults(recorder) == NO_FAULTS
    with pytest.raises(RuntimeError, match="cannot be entered"):
        await change


async def test_entered_its_first_request_is_the_lease(clock: ManualClock) -> None:
    recorder = Recorder(idle_controller(clock))
    leases: list[FakeLease] = []
    change = async_leased(recorder, leases)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with change, change:
            (command,) = recorder.sent
            assert isinstance(command, Apply)
            assert command.override.ttl_s == 60
    assert [lease.calls for lease in leases] == [[change.id, "start", "stop"]]


async def test_an_async_change_that_cannot_be_leased_is_reverted(recorder: Recorder) -> None:
    change = await async_leased(recorder)
    recorder.before[Renew] = unreachable
    with pytest.raises(ApiUnreachable):
        await change.__aenter__()
    assert recorder.controller.proxy.availability is Availability.UP


async def test_an_async_change_that_was_lost_is_warned_of(recorder: Recorder) -> None:
    change = await async_leased(recorder)
    recorder.controller.execute(Revert(change.id))
    with pytest.warns(RuntimeWarning, match="down was over before its `with`"):
        async with change:
            pass


async def test_a_task_that_is_cancelled_while_it_reverts_reverts_all_of_it(recorder: Recorder) -> None:
    task = asyncio.current_task()
    assert task is not None
    change = AsyncLocalHandle(recorder).latency(0.1)
    with pytest.raises(asyncio.CancelledError):  # by asyncio's own means, as its timeouts do
        async with change:
            recorder.before[Revert] = task.cancel
    task.uncancel()
    assert faults(recorder) == NO_FAULTS
    assert repr(change) == "<AsyncChange: latency, reverted>"


async def test_a_body_that_is_cancelled_reverts(recorder: Recorder) -> None:
    with anyio.CancelScope() as scope:
        async with AsyncLocalHandle(recorder).latency(0.1):
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert faults(recorder) == NO_FAULTS


async def test_applying_that_is_cancelled_is_taken_back(recorder: Recorder) -> None:
    with anyio.CancelScope() as scope:
        recorder.before[Apply] = scope.cancel
        await AsyncLocalHandle(recorder).latency(0.1)
    assert scope.cancelled_caught
    assert faults(recorder) == NO_FAULTS


async def test_when_reverting_fails_as_well_the_first_failure_is_raised_to_an_async_caller(
    recorder: Recorder,
) -> None:
    recorder.before[Revert] = unreachable
    recorder.after[Apply] = interrupted
    with pytest.raises(KeyboardInterrupt):
        await AsyncLocalHandle(recorder).latency(0.1)


async def test_a_failure_to_revert_is_noted_or_raised_by_an_async_change(recorder: Recorder) -> None:
    async def revert_in_vain(failure: Exception | None) -> None:
        async with AsyncLocalHandle(recorder).latency(0.1):
            recorder.before[Revert] = unreachable
            if failure is not None:
                raise failure

    with pytest.raises(KeyError) as caught:
        await revert_in_vain(KeyError())
    assert caught.value.__notes__[0].startswith("latency could not be reverted")
    with pytest.raises(ApiUnreachable):
        await revert_in_vain(None)


def test_one_that_was_never_awaited_says_so(recorder: Recorder) -> None:
    with pytest.warns(RuntimeWarning, match="latency was never awaited, so nothing changed"):
        AsyncLocalHandle(recorder).latency(0.1)
    assert recorder.sent == []


BAD: list[Callable[[AsyncLocalHandle], object]] = [
    lambda on: on.latency(-1),
    lambda on: on.close_all(None),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("tell", BAD)
def test_a_bad_value_is_refused_at_the_call_and_not_when_it_is_awaited(
    recorder: Recorder, tell: Callable[[AsyncLocalHandle], object]
) -> None:
    with pytest.raises(SettingError):
        tell(AsyncLocalHandle(recorder))
