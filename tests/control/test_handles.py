"""Handles: reads and waits; sync and async have the same methods."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable

import anyio
import pytest

from tests.api.api_harness import ApiHarness, new_harness
from tests.api.one_loop import anyio_backend as anyio_backend
from tests.control.local_handles import AsyncLocalHandle, LocalHandle, Recorder, idle_controller
from trixter import AsyncClient, Client
from trixter.control import AsyncConnectionHandle, AsyncProxyHandle, ConnectionHandle, ProxyHandle
from trixter.errors import RecoveryTimeout, SettingError, WaitTimeout
from trixter.faults import NO_FAULTS, Direction, Faults, Latency
from trixter.testing import AsyncChaosProxy, ChaosProxy

UP = Direction.UPSTREAM


@pytest.fixture
async def harness(anyio_backend: object) -> AsyncIterator[ApiHarness]:
    async with new_harness() as harness:
        yield harness


def public_names(of: type[object]) -> dict[str, tuple[bool, list[str]]]:
    """Return each public name, whether it is a property, and its parameters."""
    values = {name: inspect.getattr_static(of, name) for name in dir(of) if not name.startswith("_")}
    functions = {name: getattr(value, "fget", value) for name, value in values.items()}
    return {
        name: (isinstance(values[name], property), list(inspect.signature(each).parameters))
        for name, each in functions.items()
    }


@pytest.mark.parametrize(
    ("sync", "later"),
    [
        (ProxyHandle, AsyncProxyHandle),
        (ConnectionHandle, AsyncConnectionHandle),
        (Client, AsyncClient),
        (ChaosProxy, AsyncChaosProxy),
    ],
)
def test_sync_and_async_have_the_same_names_with_the_same_arguments(
    sync: type[object], later: type[object]
) -> None:
    assert public_names(sync) == public_names(later)


@pytest.mark.parametrize("kind", [ProxyHandle, AsyncProxyHandle, Client, AsyncClient])
def test_what_asks_the_proxy_is_a_method(kind: type[object]) -> None:
    assert [name for name, (is_property, _) in public_names(kind).items() if is_property] == []


async def test_state_is_read(harness: ApiHarness) -> None:
    first, second = await harness.connect(), await harness.connect()
    handle = LocalHandle(Recorder(harness.controller))
    one, two = handle.connections()
    assert (one.id, two.id) == (first.id, second.id)
    assert repr(one) == f"<ConnectionHandle {first.id} from {first.client}>"
    assert handle.connection(second.id).info.client == second.client
    assert handle.stats().connections_accepted == 2
    assert handle.defaults() == harness.proxy.defaults


async def test_a_connection_is_as_it_was_read_until_it_is_read_again(harness: ApiHarness) -> None:
    await harness.connect()
    (one,) = LocalHandle(Recorder(harness.controller)).connections()
    one.latency(0.1)
    assert one.info.faults[UP] == NO_FAULTS
    one.refresh()
    assert one.info.faults[UP] == Faults(Latency(delay_s=0.1))
    one.close()
    assert len(harness.proxy.registry) == 0


async def test_an_async_handle_does_the_same(harness: ApiHarness) -> None:
    first = await harness.connect()
    handle = AsyncLocalHandle(Recorder(harness.controller))
    connection = await handle.connection(first.id)
    assert repr(connection) == f"<AsyncConnectionHandle {first.id} from {first.client}>"
    async with connection.latency(0.1):
        await connection.refresh()
        assert connection.info.faults[UP] == Faults(Latency(delay_s=0.1))
    assert (await handle.wait_for_connection()).id == first.id
    await connection.reset()
    await handle.wait_for_no_connections()
    assert (await handle.stats()).ended == {"reset": 1}
    assert await handle.defaults() == harness.proxy.defaults
    await handle.close_all()


async def test_a_connection_that_ends_in_time_is_waited_for(harness: ApiHarness) -> None:
    connection = await harness.connect()
    recorder = Recorder(harness.controller)
    recorder.schedule[103.0] = lambda: connection.close("over")
    LocalHandle(recorder).wait_for_no_connections()
    assert 103.0 <= recorder.now <= 103.25


async def test_a_connection_that_is_there_is_not_waited_for(harness: ApiHarness) -> None:
    connection = await harness.connect()
    recorder = Recorder(harness.controller)
    assert LocalHandle(recorder).wait_for_connection(timeout_s=0).id == connection.id
    assert recorder.now == 100.0


def test_a_wait_in_vain_says_what_was_seen_instead() -> None:
    recorder = Recorder(idle_controller())
    with pytest.raises(WaitTimeout) as caught:
        LocalHandle(recorder).wait_for_connection(timeout_s=2)
    assert str(caught.value) == (
        "timed out after 2 s waiting for a live connection; so far: 0 connections accepted, 0 open, "
        "ended: none; 0 B up, 0 B down"
    )
    assert recorder.now == pytest.approx(102.0)


async def test_an_async_wait_in_vain_ends_too(anyio_backend: object) -> None:
    recorder = Recorder(idle_controller())
    with pytest.raises(WaitTimeout, match="counters that meet the condition"):
        await AsyncLocalHandle(recorder).wait_for(lambda stats: stats.connections_open, timeout_s=2)
    assert recorder.now == pytest.approx(102.0)


def test_looks_are_soon_and_then_less_and_less_often() -> None:
    recorder = Recorder(idle_controller())
    with pytest.raises(WaitTimeout):
        LocalHandle(recorder).wait_for_connection(timeout_s=60)
    assert 200 < len(recorder.sent) < 300


def test_a_proxy_that_cannot_change_is_not_waited_for() -> None:
    class Closed(LocalHandle):
        @property
        def _may_change(self) -> bool:
            return False

    recorder = Recorder(idle_controller())
    with pytest.raises(WaitTimeout):
        Closed(recorder).wait_for_connection(timeout_s=60)
    assert recorder.now == 100.0


@pytest.mark.parametrize(
    "wait",
    [lambda on: on.wait_for_connection(-1), lambda on: on.wait_for(lambda stats: True, timeout_s="soon")],
)
def test_a_timeout_is_a_time(wait: Callable[[LocalHandle], object]) -> None:
    with pytest.raises(SettingError, match="timeout_s must be a number of seconds"):
        wait(LocalHandle(Recorder(idle_controller())))


async def test_a_program_has_its_time_to_recover_while_the_network_is_good(harness: ApiHarness) -> None:
    recorder = Recorder(harness.controller)
    handle = LocalHandle(recorder)
    handle.latency(0.1)

    def check() -> list[float]:
        assert handle.defaults().upstream == NO_FAULTS
        if recorder.now < 101:
            raise ConnectionError("not yet")
        return [recorder.now] if recorder.now > 102 else []

    assert handle.wait_for_recovery(check, within_s=5) == [recorder.now]
    assert 102 < recorder.now < 103
    assert handle.defaults().upstream == Faults(Latency(delay_s=0.1))


CHECKS: dict[str, tuple[Callable[[Recorder], object], str]] = {
    "false": (lambda recorder: 0, "returned 0 after 2 s"),
    "an exception": (lambda recorder: int("x"), 'raised ValueError("invalid literal'),
    "too late": (lambda recorder: [recorder.sleep(3)], "returned [None] after 3 s"),  # type: ignore[func-returns-value]
    "long": (lambda recorder: [recorder.sleep(3)] * 1000, ", None, None, No… after 3 s"),  # type: ignore[func-returns-value]
}


@pytest.mark.parametrize(("check", "text"), CHECKS.values(), ids=CHECKS)
async def test_a_program_that_does_not_recover_in_time_fails_its_test(
    harness: ApiHarness, check: Callable[[Recorder], object], text: str
) -> None:
    recorders = Recorder(harness.controller), Recorder(harness.controller)
    with pytest.raises(RecoveryTimeout) as first:
        LocalHandle(recorders[0]).wait_for_recovery(lambda: check(recorders[0]), within_s=2)
    with pytest.raises(AssertionError) as second:
        await AsyncLocalHandle(recorders[1]).wait_for_recovery(lambda: check(recorders[1]), within_s=2)
    assert text in str(first.value)
    assert str(first.value) == str(second.value)
    assert isinstance(first.value.__cause__, Exception) is ("raised" in text)
    assert harness.controller.snapshot().is_quiet() is False


async def test_an_async_check_is_awaited_and_ends_with_its_time(harness: ApiHarness) -> None:
    handle = AsyncLocalHandle(Recorder(harness.controller))

    async def check() -> str:
        return "fine"

    assert await handle.wait_for_recovery(check) == "fine"
    with pytest.raises(RecoveryTimeout, match="check 1 did not end after"):
        await handle.wait_for_recovery(anyio.sleep_forever, within_s=0.001)
    with pytest.raises(TypeError, match="the check is a coroutine function"):
        LocalHandle(Recorder(harness.controller)).wait_for_recovery(lambda: check())  # type: ignore[unused-coroutine]
