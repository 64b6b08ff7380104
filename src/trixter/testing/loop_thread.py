"""A loop in a thread of its own beside the test: calls cross to it, and their results cross back.

AnyIO's blocking portal does not serve. After an interrupt in its start or in a wait, the lock of its plain
future stays held, or its loop is never told to stop: both block for ever (``test_interrupts``). In a fork's
child, a call waits for a thread that is not there (``test_loop_thread``, ``test_fork``).
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeVar

import anyio

from trixter.errors import OUT_OF_RESOURCES, OutOfDescriptors, os_error_text
from trixter.monotonic import monotonic
from trixter.proxy.loop import LoopContext, loop_factory

T = TypeVar("T")


class InterruptSafeFuture(Future[T]):
    """A future that another thread resolves, for a waiter that may be interrupted at any moment.

    A Ctrl-C can leave the lock of a plain ``Future`` held, between its acquisition and the block that
    releases it; then the thread that resolves it blocks for ever. Here the waiter only takes a lock
    implemented in C, until the other thread is done with the future.
    """

    def __init__(self) -> None:
        super().__init__()
        self._unresolved = threading.Lock()
        self._unresolved.acquire()
        self.add_done_callback(lambda _: self._unresolved.release())

    def result(self, timeout: float | None = None) -> T:
        """Wait for the result, and return or raise it."""
        if timeout is None:
            with self._unresolved:
                pass
        return super().result(timeout)


class LoopThread:
    """A loop in a thread, which makes calls in the order in which they are submitted.

    It changes nothing global: no loop policy, no signal handler, no environment variable. ``stop()`` frees
    everything. An interrupt (Ctrl-C) at any moment of ``start()``, or while ``stop()``
    waits, leaves a thread that ends by itself.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Under the lock: whether a stop was requested, and how far the thread is.
        self._is_stop_asked = False
        self._is_begun = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: LoopContext | None = None
        self._stop_event: asyncio.Event | None = None
        self._thread: SystemThread | None = None
        # Resolved by the thread at its end, or by the stop of a thread that never begins.
        self._ended: InterruptSafeFuture[None] = InterruptSafeFuture()

    @property
    def is_running(self) -> bool:
        """Whether the loop takes calls; in a fork's child it does not."""
        return self._loop is not None and self._is_alive

    @property
    def context(self) -> LoopContext:
        """The context that the proxies of this loop share; for use on the loop."""
        assert self._context is not None, "it comes with the loop"
        return self._context

    def start(self) -> None:
        """Start the thread, and return when its loop runs. Can be called once.

        Raises:
            OutOfDescriptors: If the process has no descriptor left for a loop.
            RuntimeError: If eventlet has patched threads.
        """
        started: InterruptSafeFuture[None] = InterruptSafeFuture()
        try:
            self._thread = new_thread(partial(self._main, started), name="trixter")
            self._thread.start()
            started.result()
        except BaseException as exc:
            # An interrupt may come before the thread exists, or while Thread.start() waits for it.
            self.begin_stop()
            if isinstance(exc, OSError) and exc.errno in OUT_OF_RESOURCES:
                raise OutOfDescriptors("", os_error_text(exc)) from exc
            raise

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Make a call on the loop, after those submitted before; return a future of its result.

        The call is made, whether or not the caller waits for its result.

        Raises:
            RuntimeError: If no loop runs.
        """
        made: InterruptSafeFuture[T] = InterruptSafeFuture()

        def make() -> None:
            try:
                result = call()
            except BaseException as exc:
                made.set_exception(exc)
            else:
                made.set_result(result)

        with self._lock:  # so that a call is either made before the loop stops, or refused
            if self._loop is None or not self.is_running:
                raise RuntimeError("the proxy's thread is not running: it was closed, or this is a fork")
            self._loop.call_soon_threadsafe(make)
        return made

    def call(self, call: Callable[[], T]) -> T:
        """Make a call on the loop, and wait for its result."""
        return self.submit(call).result()

    def begin_stop(self) -> Future[None]:
        """Stop the loop after the calls submitted so far; return a future of the end. Idempotent.

        A thread that has not begun yet will do nothing; one whose loop does not run yet will end then.
        """
        with self._lock:
            self._is_stop_asked = True
            if not self._is_begun or not self._is_alive:  # it was not started, or this is a fork's child
                self._resolve_ended()
            elif self._loop is not None and self._stop_event is not None:
                self._loop.call_soon_threadsafe(self._stop_event.set)
            self._loop = None
        return self._ended

    def stop(self) -> None:
        """Stop the loop, and wait until the thread has ended. Idempotent."""
        self.begin_stop()
        self.join()

    def join(self) -> None:
        """Wait until the thread has ended."""
        if self._is_begun and self._thread is not None and self._is_alive:
            # Before join(): in Python 3.11 and 3.12, a thread whose join() was interrupted counts as ended.
            self._ended.result()
            self._thread.join()

    @property
    def _is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _resolve_ended(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def _main(self, started: InterruptSafeFuture[None]) -> None:
        with self._lock:
            if self._is_stop_asked:  # start() was interrupted, and waits for nothing
                return
            self._is_begun = True
        try:
            # The runner ends the remaining tasks, generators, and the resolver's threads.
            with asyncio.Runner(loop_factory=_new_loop) as runner:
                runner.run(self._live(started))
        except BaseException as exc:
            if started.done():
                raise
            started.set_exception(exc)
        finally:
            self._resolve_ended()

    async def _live(self, started: InterruptSafeFuture[None]) -> None:
        stop_event = asyncio.Event()
        self._context = context = LoopContext(asyncio.get_running_loop())
        with self._lock:
            if self._is_stop_asked:
                stop_event.set()
            else:
                self._stop_event, self._loop = stop_event, asyncio.get_running_loop()
        started.set_result(None)
        try:
            await stop_event.wait()
        finally:
            context.close()


def _new_loop() -> asyncio.AbstractEventLoop:
    """Make a loop whose timers run on when a test freezes time; uvloop's do by themselves."""
    loop = loop_factory()()
    if isinstance(loop, asyncio.BaseEventLoop):
        loop.time = monotonic  # type: ignore[method-assign]
    return loop


class SystemThread(Protocol):
    """The methods of a thread that are used here."""

    def start(self) -> None:
        """Start the thread."""

    def is_alive(self) -> bool:
        """Return whether it runs in this process."""

    def join(self) -> None:
        """Wait until it has ended."""


def new_thread(run: Callable[[], None], name: str) -> SystemThread:
    """Return a daemon thread that is not started yet.

    Args:
        run: Its function.
        name: Its name, for debuggers.

    Raises:
        RuntimeError: If eventlet has patched threads. Its locks cannot be released from another thread.
    """
    patcher = sys.modules.get("eventlet.patcher")  # if it is not imported, it has patched nothing
    if patcher is not None and patcher.is_monkey_patched("thread"):
        raise RuntimeError(
            "eventlet has patched threads, and the proxy needs one of its own: "
            "use eventlet.monkey_patch(thread=False), or start `trixter` as a command and use trixter.Client"
        )
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        return BesideGreenlets(run, monkey.get_original("_thread", "start_new_thread"))
    # A daemon: a test run that was interrupted must not hang because a proxy was not closed.
    return threading.Thread(target=run, name=name, daemon=True)


class BesideGreenlets:
    """A thread outside of gevent: gevent's own would be a greenlet, and our loop would block all of them.

    gevent's locks can be released from such a thread, so greenlets may wait for it.

    Args:
        run: Its function.
        start_new_thread: Python's own function of that name.
    """

    def __init__(self, run: Callable[[], None], start_new_thread: Callable[..., Any]) -> None:
        self._run = run
        self._start_new_thread = start_new_thread
        self._pid = 0
        self._ended = threading.Event()

    def start(self) -> None:
        """Start the thread."""
        self._pid = os.getpid()
        self._start_new_thread(self._main, ())

    def is_alive(self) -> bool:
        """Return whether it runs in this process; in a fork's child it does not."""
        return self._pid == os.getpid() and not self._ended.is_set()

    def join(self) -> None:
        """Wait until it has ended; other greenlets run meanwhile."""
        self._ended.wait()

    def _main(self) -> None:
        try:
            self._run()
        finally:
            self._ended.set()


async def wait_future(future: Future[T]) -> T:
    """Await a future that another thread resolves; return its result, or raise its exception.

    Cancelling ends only the wait, and not the call in the other thread.
    """
    if not future.done():
        resolved, wake = anyio.Event(), waker()

        def on_resolved(_: Future[T]) -> None:
            with suppress(RuntimeError):  # that loop has ended, and its waiter with it
                wake(resolved.set)

        future.add_done_callback(on_resolved)
        await resolved.wait()
    return future.result()


def waker() -> Callable[[Callable[[], object]], Any]:
    """Return a function that schedules a callback in the running loop, from any thread.

    It raises ``RuntimeError`` when that loop has ended.
    """
    trio = sys.modules.get("trio")  # where it is not imported, it does not run
    if trio is not None:
        with suppress(RuntimeError):
            wake: Callable[[Callable[[], object]], Any] = trio.lowlevel.current_trio_token().run_sync_soon
            return wake
    return asyncio.get_running_loop().call_soon_threadsafe


def is_in_task() -> bool:
    """Return whether a task is taking a step in this thread, and not its loop itself."""
    trio = sys.modules.get("trio")
    if trio is not None:
        with suppress(RuntimeError):
            return trio.lowlevel.current_task() is not None
    with suppress(RuntimeError):
        return asyncio.current_task() is not None
    return False
