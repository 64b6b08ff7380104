"""A sweep in an async test: the same outcomes on asyncio and on Trio, and nothing blocks the loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import anyio
import pytest

from tests.testing.suites import OTHERS, run
from trixter.errors import SweepError
from trixter.testing import AsyncChaosProxy, Chaos, rounds, watchdog
from trixter.testing.rounds import Sweep

pytest_plugins = ["pytester"]

Body = Callable[[AsyncChaosProxy], Awaitable[object]]
ALL = ("ok", "error", "hang", "leak", "wrong")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> object:
    return request.param


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a round hang at once; the calm one never does."""
    monkeypatch.setattr(rounds, "LEAST_TIMEOUT_S", 0.01)
    monkeypatch.setattr(rounds, "TIMES_CALM", 0)
    monkeypatch.setattr(watchdog, "INTERRUPT_AFTER_S", 0.01)


async def swept(chaos: Chaos, echo: str, body: Body, **keywords: Any) -> Sweep:
    """Run a sweep that accepts everything; return it with its map."""
    sweep = chaos.sweep(echo, break_with="close", **{"at": "every message", "accept": ALL, **keywords})
    async for network in sweep:
        async with network as proxy:
            await body(proxy)
    return sweep


async def outcomes(echo: str, body: Body, **keywords: Any) -> list[str]:
    with Chaos(seed=1) as chaos:
        sweep = await swept(chaos, echo, body, **keywords)
        assert not sweep.proxy.background.is_running
        return [str(each) for each in sweep.plan.outcomes.values()]


async def speak(proxy: AsyncChaosProxy) -> None:
    async with await anyio.connect_tcp(proxy.host, proxy.port) as client:
        with suppress(anyio.BrokenResourceError):
            await client.send(b"hello")
            if await client.receive() == b"hello":
                return
        raise ConnectionError("there is no answer")


async def retry(proxy: AsyncChaosProxy) -> None:
    try:
        await speak(proxy)
    except (ConnectionError, anyio.EndOfStream):
        await speak(proxy)


async def check(proxy: AsyncChaosProxy) -> None:
    try:
        await speak(proxy)
    except (ConnectionError, anyio.EndOfStream):
        async with anyio.create_task_group() as group:
            group.start_soon(be_wrong)


async def be_wrong() -> None:
    raise AssertionError("it is charged, and not paid")


async def wait_for_ever(proxy: AsyncChaosProxy) -> None:
    try:
        await speak(proxy)
    except (ConnectionError, anyio.EndOfStream):
        await anyio.sleep_forever()


async def block(proxy: AsyncChaosProxy) -> None:
    try:
        await speak(proxy)
    except (ConnectionError, anyio.EndOfStream):
        signal.pause()


async def block_in_a_task(proxy: AsyncChaosProxy) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(block, proxy)


async def ignore_cancellation(proxy: AsyncChaosProxy) -> None:
    with suppress(anyio.get_cancelled_exc_class()):
        await wait_for_ever(proxy)


@pytest.mark.parametrize(
    ("body", "expected"),
    [(speak, "EndOfStream"), (retry, "ok after a retry"), (check, "wrong")],
    ids=["error", "retry", "wrong"],
)
async def test_what_comes_of_a_break_is_the_outcome_of_its_round(
    echo: str, anyio_backend: str, body: Body, expected: str
) -> None:
    assert await outcomes(echo, body) == [expected, expected]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("body", [wait_for_ever, ignore_cancellation, block, block_in_a_task])
async def test_a_body_that_hangs_ends_its_round_and_not_the_sweep(
    echo: str, anyio_backend: str, body: Body
) -> None:
    former = signal.getsignal(signal.SIGINT)
    assert await outcomes(echo, body) == ["hang", "hang"]
    assert signal.getsignal(signal.SIGINT) is former


@pytest.mark.usefixtures("quick")
async def test_a_calm_round_that_hangs_is_said(echo: str, anyio_backend: str) -> None:
    with Chaos(seed=1) as chaos, pytest.raises(SweepError, match="the test hangs"):
        await swept(chaos, echo, lambda _: anyio.sleep_forever(), round_timeout_s=0.01)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("is_hanging", [False, True], ids=["before it hangs", "while it hangs"])
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancellation_from_outside_ends_the_sweep(
    echo: str, anyio_backend: str, is_hanging: bool
) -> None:
    task = asyncio.current_task()
    assert task is not None

    async def body(proxy: AsyncChaosProxy) -> None:
        try:
            await (wait_for_ever if is_hanging else speak)(proxy)
        finally:
            if not chaos.sweeps[0].is_calm:
                task.cancel()
                await asyncio.sleep(0)

    with Chaos(seed=1) as chaos, pytest.raises(asyncio.CancelledError):
        await swept(chaos, echo, body)
    assert not chaos.sweeps[0].is_calm
    assert task.uncancel() == 0


async def test_a_scope_around_the_sweep_ends_it(echo: str, anyio_backend: str) -> None:
    async def body(proxy: AsyncChaosProxy) -> None:
        await speak(proxy)
        scope.cancel()
        await anyio.sleep_forever()

    with anyio.CancelScope() as scope, Chaos(seed=1) as chaos:
        await swept(chaos, echo, body)
    assert scope.cancelled_caught
    assert not chaos.sweeps[0].plan.outcomes


async def test_the_proxy_of_a_sweep_that_is_left_ends_with_the_test(echo: str, anyio_backend: str) -> None:
    with Chaos(seed=1) as chaos:
        async for network in chaos.sweep(echo):
            async with network as proxy:
                await speak(proxy)
            break
        chaos.sweeps[0].conclude(None)
        assert not proxy.background.is_running


async def test_a_body_without_async_with_is_said(echo: str, anyio_backend: str) -> None:
    with Chaos(seed=1) as chaos, pytest.raises(SweepError, match="`async with`"):
        async for _ in chaos.sweep(echo):
            pass


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_server_on_the_loop_of_the_test_is_served_also_while_a_leak_is_waited_for(
    anyio_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "LEAK_GRACE_S", 0.05)
    turns: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(100):
                writer.write(data)
        writer.close()

    async def body(proxy: AsyncChaosProxy) -> None:
        reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
        leaked.callback(writer.close)
        writer.write(b"hello")
        if await reader.read(5) == b"hello":
            writer.close()
        else:
            _, again = await asyncio.open_connection(proxy.host, proxy.port)
            leaked.callback(again.close)
            loop.call_later(0.01, turns.append, 1)

    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as leaked, await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        found = await outcomes(server.sockets[0], body, direction="upstream")  # type: ignore[arg-type]
        assert (found, turns) == (["leak of 1 connection"], [1])


SUITE = """
import asyncio

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.{mark}
async def test_it(chaos, echo):
    async for network in chaos.sweep(echo, at="every message", direction="downstream"):
        async with network as proxy:
            reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            writer.close()
            await writer.wait_closed()
"""


@pytest.mark.parametrize("mark", ["anyio", "asyncio"])
def test_a_test_of_another_plugin_has_its_map_in_the_report(suite: pytest.Pytester, mark: str) -> None:
    without = [each for each in OTHERS if each != "asyncio"]
    suite.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    result = run(suite, SUITE.replace("{mark}", mark), "-Werror", without=without)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*    connection 1, downstream", "*      byte 0: *Error"])
