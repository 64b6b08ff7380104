"""The real proxy, on a loop in a thread: what both faces stand in front of."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar, Unpack

from trixter.control import News, Step
from trixter.control.plans import run
from trixter.control.steps import WaitForNews
from trixter.proxy import Connection, EndReason, Proxy
from trixter.proxy.tuning import TuningKeywords
from trixter.settings import Defaults
from trixter.testing.at_once import AllAtOnce
from trixter.testing.journal import Journal
from trixter.testing.loop_thread import LoopThread, Outcome
from trixter.testing.news import NewsStand
from trixter.testing.performing import perform
from trixter.testing.unused import Use

T = TypeVar("T")


class Hosted:
    """Run a proxy in a thread, and perform there what it is asked.

    Args:
        upstream: As ``Proxy`` takes it.
        listen: As ``Proxy`` takes it.
        seed: The root of all its luck.
        defaults: What connections start with.
        thread: Where it runs, beside others; without, in one of its own.
        tuning: As ``Proxy`` takes it.

    Raises:
        SettingError: If a setting is outside its range.
    """

    def __init__(
        self,
        upstream: str,
        *,
        listen: str,
        seed: int,
        defaults: Defaults,
        thread: LoopThread | None = None,
        **tuning: Unpack[TuningKeywords],
    ) -> None:
        self.seed = seed
        self.journal = Journal()
        self.proxy = Proxy(
            listen=listen,
            upstream=upstream,
            seed=seed,
            defaults=defaults,
            observers=[self],
            **tuning,
        )
        self.use = Use(self.proxy)
        self.addresses: list[str] = []
        self._news = NewsStand()
        self._owns_thread = thread is None
        self._thread = thread or LoopThread()
        self._is_started = False
        self._closed: Future[None] | None = None  # once somebody asked for it

    @property
    def is_running(self) -> bool:
        """Whether it was started, and not closed."""
        return self._is_started and self._closed is None

    def start(self) -> None:
        """Listen. Twice is no error.

        Raises:
            BindError: If the address cannot be had.
            RuntimeError: If it was closed. That is for good: make a new one.
        """
        if self._closed is not None:
            raise RuntimeError("this proxy was closed: make a new one")
        if self._is_started:
            return
        try:
            self.proxy.bind()  # here: to look a name up may take a while, and others run in that thread
            self.addresses = self.proxy.listen_addresses
            if self._owns_thread:
                self._thread.start()
            self._is_started = True
            self.call(lambda: self.proxy.start(self._thread.context))
        except BaseException:  # also an interrupt
            self.close()
            raise

    def ask_to_close(self) -> Future[None]:
        """Let everything end; return what says when it has. It ends also if nobody waits for that."""
        if self._closed is not None:
            return self._closed
        if not self._is_started:
            if self._owns_thread:
                self._thread.ask_to_stop()  # an interrupt may have come before it was known to be started
            self._closed = _made(self.proxy.stop)
            return self._closed
        if not self._thread.is_running:  # the child of a fork: the connections are its parent's
            self._closed = _made(_leave_alone)
            return self._closed
        try:
            self._closed = self._thread.post(self._stop)
        finally:
            if self._owns_thread:
                self._closed = self._thread.ask_to_stop()
        return self._closed

    def close(self) -> None:
        """End every connection, give the port back, and end the thread. Twice is no error."""
        self.ask_to_close().result()
        if self._owns_thread:
            self._thread.join()

    def post(self, call: Callable[[], T]) -> Future[T]:
        """Have a call made where the proxy runs; the traffic stands still meanwhile."""
        # Otherwise nothing runs that it could disturb: what was counted can be read when it is closed.
        return self._thread.post(call) if self.is_running else _made(call)

    def call(self, call: Callable[[], T]) -> T:
        """Have a call made where the proxy runs, and wait for its result."""
        return self.post(call).result()

    def perform(self, step: Step[Any]) -> Future[Any]:
        """Perform a step of control; return what will have its result."""
        if isinstance(step, WaitForNews):
            return self._wait_for_news(step)
        return self.post(partial(self._perform, step, sys.exception()))

    def on_opened(self, connection: Connection) -> None:
        self.journal.on_opened(connection)
        self._news.tell()

    def on_ended(self, connection: Connection, ending: EndReason) -> None:
        self.journal.on_ended(connection, ending)
        self._news.tell()

    def _perform(self, step: Step[Any], failing: BaseException | None) -> Any:
        if isinstance(step, AllAtOnce):
            return run(step.plan(), partial(self._perform, failing=failing))
        self.journal.before(step, self.proxy, failing)
        result = perform(self.proxy, step)
        self.journal.after(step, self.proxy)
        self.use.look()
        return result

    def _wait_for_news(self, step: WaitForNews) -> Future[News]:
        told: Outcome[News] = Outcome()
        if self.is_running:
            self._thread.post(partial(self._news.wait, step, told))
        else:
            told.set_result(News(0, float("inf")))  # nothing will ever happen again
        return told

    def _stop(self) -> None:
        self.proxy.stop()
        self._news.tell()


def _leave_alone() -> None:
    """Let them be."""


def _made(call: Callable[[], T]) -> Future[T]:
    """Make a call here; return what has its result."""
    made: Future[T] = Future()
    try:
        made.set_result(call())
    except Exception as exc:
        made.set_exception(exc)
    return made
