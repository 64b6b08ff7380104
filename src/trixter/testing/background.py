"""A background proxy: a real proxy on a loop in a thread, and its controller."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar, Unpack

from trixter.control.commands import Command, ResultT
from trixter.control.controller import Controller
from trixter.control.journal import Journal, JournaledProxy, Replay
from trixter.proxy import Connection, EndReason, Proxy
from trixter.proxy.tuning import TuningKeywords
from trixter.settings import Defaults
from trixter.testing.loop_thread import InterruptSafeFuture, LoopThread
from trixter.testing.recent_events import RecentEvents
from trixter.testing.unused_faults import UnusedFaultsCheck

T = TypeVar("T")


class BackgroundProxy:
    """A proxy that runs in a thread, and executes commands there.

    Args:
        upstream: As ``Proxy`` takes it.
        listen: As ``Proxy`` takes it.
        seed: The seed of all its randomness.
        defaults: The defaults of new connections.
        thread: The thread to share with other proxies; by default a new one.
        name: Its name in the journal.
        replay: The record that its connections repeat; ``None``: its faults decide.
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
        name: str = "proxy",
        replay: Replay | None = None,
        **tuning: Unpack[TuningKeywords],
    ) -> None:
        self.seed = seed
        self.events = RecentEvents()
        self.proxy = Proxy(
            listen=listen,
            upstream=upstream,
            seed=seed,
            defaults=defaults,
            observers=[self],
            **tuning,
        )
        self.journal = Journal(name, "test")
        self.proxy.observers.append(self.journal)
        self.proxy.on_decision = self.journal.on_decision
        self.replay = replay
        self.proxy.replay = replay.faults if replay else None
        # The noise of a replay is that of its record.
        self.journaled = JournaledProxy(name, replay.seed if replay else seed, upstream)
        self.controller = Controller(
            self.proxy, on_availability=self.events.on_availability, on_command=self.journal.on_command
        )
        self.unused_faults_check = UnusedFaultsCheck(self.proxy)
        self.addresses: list[str] = []
        self._owns_thread = thread is None
        self._thread = thread or LoopThread()
        self._is_started = False
        # On the loop: the pauses in progress, and whether a connection ends each; how often connections have
        # opened or ended until now, and until the last command.
        self._pausing: dict[InterruptSafeFuture[None], bool] = {}
        self._changes = self._changes_seen = 0
        self._closed: Future[None] | None = None  # set once a close has begun

    @property
    def is_running(self) -> bool:
        """Whether it was started, and not closed."""
        return self._is_started and self._closed is None

    def start(self) -> None:
        """Listen. Idempotent.

        Raises:
            BindError: If the address cannot be bound.
            RuntimeError: If it was closed: make a new one.
        """
        if self._closed is not None:
            raise RuntimeError("this proxy was closed: make a new one")
        if self._is_started:
            return
        try:
            self.proxy.bind()  # in this thread: a name lookup would block the other proxies
            self.addresses = self.proxy.listen_addresses
            if self._owns_thread:
                self._thread.start()
            self._is_started = True
            self.call(lambda: self.proxy.start(self._thread.context))
        except BaseException:  # also an interrupt
            self.close()
            raise

    def begin_close(self) -> Future[None]:
        """Begin to close; return a future of the end. The close completes if the caller does not wait."""
        if self._closed is not None:
            return self._closed
        if not self._is_started:
            if self._owns_thread:
                self._thread.begin_stop()  # an interrupt may have come during the start
            self._closed = _made(self.proxy.stop)
            return self._closed
        if not self._thread.is_running:  # the child of a fork: the connections are its parent's
            self._closed = _made(_do_nothing)
            return self._closed
        try:
            self._closed = self._thread.submit(self._stop)
        finally:
            if self._owns_thread:
                self._closed = self._thread.begin_stop()
        return self._closed

    def close(self) -> None:
        """End every connection, free the port, and end the thread. Idempotent."""
        self.begin_close().result()
        if self._owns_thread:
            self._thread.join()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Make a call on the proxy's loop, which relays nothing meanwhile; return a future of its result."""
        # Closed, no loop runs that the call could race with: counters can still be read.
        return self._thread.submit(call) if self.is_running else _made(call)

    def call(self, call: Callable[[], T]) -> T:
        """Make a call on the proxy's loop, and wait for its result."""
        return self.submit(call).result()

    def send(self, command: Command[ResultT]) -> Future[ResultT]:
        """Execute a command on the proxy's loop; return a future of its result."""
        return self.submit(partial(self._execute, command, sys.exception()))

    def pause(self, seconds: float, *, until_change: bool = True) -> Future[None]:
        """Return a future that is resolved after that time, when a connection opens or ends, or on close.

        Connections that have opened or ended since the last command count, too: so a waiter misses none. The
        time is that of the proxy's loop: the test may have frozen its own, and its threads may be green.

        Args:
            seconds: The time.
            until_change: Whether connections count.
        """
        over: InterruptSafeFuture[None] = InterruptSafeFuture()
        if not self.is_running:
            over.set_result(None)
            return over
        self._thread.submit(partial(self._begin_pause, over, seconds, until_change))
        return over

    def on_opened(self, connection: Connection) -> None:
        self.events.on_opened(connection)
        self._end_pauses()

    def on_ended(self, connection: Connection, end_reason: EndReason) -> None:
        self.events.on_ended(connection, end_reason)
        self._end_pauses()

    def _execute(self, command: Command[ResultT], failing: BaseException | None) -> ResultT:
        self._changes_seen = self._changes
        self.events.before(command, self.controller, failing)
        result = self.controller.execute(command)
        self.events.after(command, self.proxy)
        self.unused_faults_check.look()
        return result

    def _begin_pause(self, over: InterruptSafeFuture[None], seconds: float, until_change: bool) -> None:
        if self._closed is not None or (until_change and self._changes != self._changes_seen):
            over.set_result(None)
            return
        self._pausing[over] = until_change
        asyncio.get_running_loop().call_later(seconds, self._end_pause, over)

    def _end_pause(self, over: InterruptSafeFuture[None]) -> None:
        if self._pausing.pop(over, None) is not None:
            over.set_result(None)

    def _stop(self) -> None:
        self.proxy.stop()
        for over in list(self._pausing):
            self._end_pause(over)

    def _end_pauses(self) -> None:
        self._changes += 1
        for over in [each for each, until_change in self._pausing.items() if until_change]:
            self._end_pause(over)


def _do_nothing() -> None:
    """Do nothing."""


def _made(call: Callable[[], T]) -> Future[T]:
    """Make a call in this thread; return a future of its result."""
    made: Future[T] = Future()
    try:
        made.set_result(call())
    except Exception as exc:
        made.set_exception(exc)
    return made
