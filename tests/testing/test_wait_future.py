"""A future of another thread can be awaited, on every loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import anyio
import anyio.to_thread
import pytest

from trixter.testing.loop_thread import wait_future


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> object:
    return request.param


async def test_a_result_that_comes_later_is_returned(anyio_backend: str) -> None:
    future: Future[int] = Future()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, future.set_result, 42)
        assert await wait_future(future) == 42


async def test_a_result_that_is_there_is_returned_at_once(anyio_backend: str) -> None:
    future: Future[int] = Future()
    future.set_result(42)
    assert await wait_future(future) == 42


async def test_an_error_is_raised(anyio_backend: str) -> None:
    future: Future[int] = Future()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, future.set_exception, ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            await wait_future(future)


async def test_a_cancelled_wait_does_not_stop_the_other_thread(anyio_backend: str) -> None:
    future: Future[int] = Future()
    with anyio.move_on_after(0) as scope:
        await wait_future(future)
    assert scope.cancelled_caught
    future.set_result(42)
    assert await wait_future(future) == 42


def test_a_result_that_comes_after_the_end_of_the_loop_is_dropped(
    anyio_backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    future: Future[int] = Future()

    async def give_up() -> None:
        with anyio.move_on_after(0):
            await wait_future(future)

    anyio.run(give_up, backend=anyio_backend)
    future.set_result(42)
    assert caplog.records == []


async def test_asyncio_is_found_also_where_trio_is_imported(anyio_backend: str) -> None:
    if anyio_backend == "asyncio":
        future: Future[int] = Future()
        asyncio.get_running_loop().call_soon(future.set_result, 1)
        assert await wait_future(future) == 1
