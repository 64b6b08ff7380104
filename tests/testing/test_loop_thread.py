"""A loop in a thread makes calls in order, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from tests.proxy.waiting import PATIENCE_S
from trixter.testing import loop_thread
from trixter.testing.loop_thread import LoopThread


def test_calls_are_made_on_its_thread_in_order() -> None:
    thread = LoopThread()
    thread.start()
    made: list[int] = []
    calls = [thread.submit(lambda number=number: made.append(number)) for number in range(100)]  # type: ignore[misc]
    assert thread.call(threading.get_ident) != threading.get_ident()
    assert [call.result() for call in calls] == [None] * 100
    assert made == list(range(100))
    thread.stop()


def test_what_a_call_raises_is_raised_where_it_is_waited_for() -> None:
    thread = LoopThread()
    thread.start()
    with pytest.raises(ZeroDivisionError):
        thread.call(lambda: 1 / 0)
    assert thread.call(lambda: 1) == 1
    thread.stop()


def test_what_was_submitted_before_the_end_is_made_before_it() -> None:
    thread = LoopThread()
    thread.start()
    last = thread.submit(lambda: "made")
    thread.begin_stop()
    thread.begin_stop()
    assert last.result(PATIENCE_S) == "made"
    thread.join()


def test_a_waiter_for_the_end_learns_of_it() -> None:
    thread = LoopThread()
    thread.start()
    assert thread.begin_stop().result(PATIENCE_S) is None
    thread.join()


def test_stopped_or_not_started_it_takes_no_calls() -> None:
    thread = LoopThread()
    with pytest.raises(RuntimeError):
        thread.call(int)
    thread.stop()
    thread = LoopThread()
    thread.start()
    thread.stop()
    thread.stop()
    with pytest.raises(RuntimeError):
        thread.call(int)
    assert not thread.is_running


def test_a_task_that_still_runs_is_cancelled_in_the_end() -> None:
    thread, ended = LoopThread(), threading.Event()
    tasks: list[asyncio.Task[None]] = []

    async def run_for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    def begin() -> None:
        tasks.append(asyncio.get_running_loop().create_task(run_for_ever()))

    thread.start()
    thread.call(begin)
    thread.call(int)  # the task has begun by now
    thread.stop()
    assert ended.is_set()


def test_without_a_loop_the_reason_is_raised_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_loop() -> asyncio.AbstractEventLoop:
        raise OSError("too many open files")

    monkeypatch.setattr(loop_thread, "loop_factory", lambda: no_loop)
    thread = LoopThread()
    with pytest.raises(OSError, match="too many open files"):
        thread.start()
    thread.stop()


def test_an_interrupt_while_it_starts_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(started: Future[None], timeout: float | None = None) -> None:
        raise KeyboardInterrupt

    thread = LoopThread()
    with monkeypatch.context() as patched:
        patched.setattr(Future, "result", interrupted)
        with pytest.raises(KeyboardInterrupt):
            thread.start()
    thread.join()
    assert not thread.is_running


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Have SIGINT raise KeyboardInterrupt; a shell has what it starts in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_while_it_stops_leaves_no_thread(interrupts: None) -> None:
    thread, seen = LoopThread(), threading.Event()

    def interrupt() -> None:
        while thread.is_running:  # until it was asked to stop
            pass
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        seen.wait(PATIENCE_S)

    thread.start()
    thread.submit(interrupt)
    with pytest.raises(KeyboardInterrupt):
        thread.stop()
    seen.set()
    thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_the_child_of_a_fork_is_told_instead_of_waiting_for_ever() -> None:
    thread = LoopThread()
    thread.start()
    child = os.fork()
    if not child:
        try:
            thread.call(int)
        except RuntimeError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    thread.stop()
