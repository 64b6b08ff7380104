"""A loop that runs in a thread of its own, beside the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from trixter.errors import OutOfDescriptors
from trixter.proxy.address import words_of
from trixter.proxy.loop import loop_factory
from trixter.proxy.sockets import OUT_OF_RESOURCES

T = TypeVar("T")


class LoopThread:
    """Run a loop in a thread, and calls on it one after another.

    It belongs to whoever starts it, and nothing of it is global: no loop policy, no signal handler, no
    environment. ``stop()`` gives everything back, even if whoever waits for it is interrupted meanwhile.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_asked: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        # Resolved by the last thing the thread does; somebody may wait for it without blocking.
        self._ended: Future[None] = Future()

    @property
    def is_running(self) -> bool:
        """Whether there is a loop that takes calls; a fork's child has none."""
        return self._loop is not None and self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start it, and return when the loop runs. It starts once.

        Raises:
            OutOfDescriptors: If there is no descriptor for a loop.
        """
        started: Future[None] = Future()
        # A daemon: a test run that was cut short must not hang for a proxy that nobody closed.
        self._thread = threading.Thread(target=self._main, args=(started,), name="trixter", daemon=True)
        self._thread.start()
        try:
            started.result()
        except OSError as exc:
            if exc.errno in OUT_OF_RESOURCES:
                raise OutOfDescriptors("", words_of(exc)) from exc
            raise
        except KeyboardInterrupt:
            # Nobody has it, so nobody would stop it.
            started.add_done_callback(lambda _: self.ask_to_stop())
            raise

    def post(self, call: Callable[[], T]) -> Future[T]:
        """Have the loop make a call, after those it was given before; return what will have its result.

        The call is made, whether or not anybody waits for it.

        Raises:
            RuntimeError: If no loop runs.
        """
        made: Future[T] = Future()

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
        """Have the loop make a call, and wait for its result."""
        return self.post(call).result()

    def ask_to_stop(self) -> Future[None]:
        """Let the loop end after the calls it has; return what says when it has. Twice is no error."""
        with self._lock:
            loop, self._loop = self._loop, None
            if loop is not None and self._thread is not None and self._thread.is_alive():
                assert self._stop_asked is not None
                loop.call_soon_threadsafe(self._stop_asked.set)
            elif loop is not None:
                self._ended.set_result(None)  # the child of a fork: there never was a thread here
        return self._ended

    def stop(self) -> None:
        """Let the loop end, and wait until the thread has. Twice is no error."""
        self.ask_to_stop()
        self.join()

    def join(self) -> None:
        """Wait until the thread has ended."""
        if self._thread is not None and self._thread.is_alive():
            # First for this: a thread whose join() was interrupted counts as ended in Python 3.11 and 3.12.
            self._ended.result()
            self._thread.join()

    def _main(self, started: Future[None]) -> None:
        try:
            # The runner ends what is left: tasks, generators, and the resolver's threads.
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(self._live(started))
        except BaseException as exc:
            if started.done():
                raise
            started.set_exception(exc)
        finally:
            self._ended.set_result(None)

    async def _live(self, started: Future[None]) -> None:
        self._stop_asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        started.set_result(None)
        await self._stop_asked.wait()
