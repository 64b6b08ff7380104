"""Handles: a proxy or one of its connections, as a program holds it; sync and async, with the same names.

    latency(0.25) ──▶ Override ──▶ Change ──send──▶ Controller, on the proxy's loop

Only ``_send`` is missing here: it crosses to the proxy's thread, or makes one HTTP request. All that reads,
changes or waits does I/O, so it is a method in both forms; an async one is awaited.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from inspect import isawaitable, iscoroutine
from typing import Any, ClassVar, Generic, TypeVar, cast, overload

import anyio

from trixter.control.change import AsyncChange, Change
from trixter.control.commands import Command, GetConnection, GetDefaults, GetProxy, ListConnections, ResultT
from trixter.control.fault_methods import ConnectionMethods, ProxyMethods
from trixter.control.info import ConnectionInfo, Stats
from trixter.control.overrides import Override
from trixter.errors import RecoveryTimeout, WaitTimeout
from trixter.faults.validators import positive_seconds_of, seconds_of
from trixter.monotonic import monotonic
from trixter.settings import Defaults
from trixter.units import Seconds

TIMEOUT_S = 5.0
"""The default timeout of waits."""

# The interval between two polls of a proxy: short at first, since most waits are short.
FIRST_PAUSE_S = 0.005
LONGEST_PAUSE_S = 0.25

LIVE_CONNECTION = "a live connection"
NO_CONNECTIONS = "no connection to be open or dialling"
MET_COUNTERS = "counters that meet the condition"
RECOVERY = "the program to recover"

# Of the end of a check, so many characters are shown.
LONGEST_END = 300

T = TypeVar("T")


class ConnectionHandle(ConnectionMethods[Change, None]):
    """One live connection: its state as it was read, and the methods to change it.

    Args:
        info: Its state; ``refresh`` reads it again.
        proxy: Its proxy.
    """

    def __init__(self, info: ConnectionInfo, proxy: ProxyHandle) -> None:
        super().__init__(info.id, proxy._requester)
        self.info = info
        self._proxy = proxy

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} from {self.info.client}>"

    def refresh(self) -> None:
        """Read its state again."""
        self.info = self._proxy._send(GetConnection(self.id))

    def _change(self, method: str, override: Override) -> Change:
        return self._proxy._change(method, override)

    def _do(self, command: Command[None]) -> None:
        self._proxy._send(command)


class ProxyHandle(ProxyMethods[Change, None]):
    """A proxy, with sync methods: they return when they are done."""

    def connections(self) -> list[ConnectionHandle]:
        """Return the live connections, oldest first."""
        return [ConnectionHandle(info, self) for info in self._send(ListConnections())]

    def connection(self, id: str) -> ConnectionHandle:
        """Return one live connection."""
        return ConnectionHandle(self._send(GetConnection(id)), self)

    def stats(self) -> Stats:
        """Return the counters of the proxy."""
        return self._send(GetProxy()).stats

    def defaults(self) -> Defaults:
        """Return the defaults of new connections."""
        return self._send(GetDefaults())

    def wait_for_connection(self, timeout_s: Seconds = TIMEOUT_S) -> ConnectionHandle:
        """Wait until there is a live connection; return the oldest."""
        return self._wait(lambda: next(iter(self.connections()), None), timeout_s, LIVE_CONNECTION)

    def wait_for_no_connections(self, timeout_s: Seconds = TIMEOUT_S) -> None:
        """Wait until no connection is open or dialling."""
        self._wait(lambda: _if_met(_are_all_over, self.stats()), timeout_s, NO_CONNECTIONS)

    def wait_for(self, condition: Callable[[Stats], object], timeout_s: Seconds = TIMEOUT_S) -> Stats:
        """Wait until the counters meet a condition; return them."""
        return self._wait(lambda: _if_met(condition, self.stats()), timeout_s, MET_COUNTERS)

    def wait_for_recovery(self, check: Callable[[], T], within_s: Seconds = TIMEOUT_S) -> T:
        """Make the network good, as ``quiet`` does; wait for the program, and return the check's result.

        Args:
            check: Uses the program. A true result means that the program has recovered; another one, or an
                exception, that it has not yet. It is called again and again, and should have time-outs.
            within_s: The time from the moment at which the network is good.

        Raises:
            RecoveryTimeout: If no check succeeded in that time; its cause is the last check's exception.
            TypeError: If the check is a coroutine function.
        """
        checks = _Checks[T](within_s, self._time)
        with self.quiet():
            for pause_s in checks.pauses():
                with checks.attempt():
                    checks.take(check())
                if iscoroutine(checks.result):
                    checks.result.close()
                    raise TypeError("the check is a coroutine function: wait with an async proxy or client")
                if checks.has_passed or not self._may_change:
                    break
                self._sleep_fully(pause_s)
            return checks.conclude()

    @abstractmethod
    def _send(self, command: Command[ResultT]) -> ResultT:
        """Execute a command, and return its result."""

    def _change(self, method: str, override: Override) -> Change:
        return Change(method, override, self._send)

    def _do(self, command: Command[None]) -> None:
        self._send(command)

    def _wait(self, look: Callable[[], T | None], timeout_s: Seconds, wanted: str) -> T:
        limit_s = seconds_of("timeout_s", timeout_s)
        for pause_s in _pauses(limit_s, self._longest_pause_s, self._time):
            if (found := look()) is not None:
                return found
            if not self._may_change:
                break
            self._sleep(pause_s)
        if (found := look()) is not None:  # met during the last pause
            return found
        raise WaitTimeout(wanted, limit_s, f"so far: {self.stats()}")

    _longest_pause_s: ClassVar[float] = LONGEST_PAUSE_S

    @property
    def _may_change(self) -> bool:
        """Whether the proxy can still change: if not, a wait ends at once."""
        return True

    def _time(self) -> float:
        return monotonic()

    def _sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: TID251 - a sync method blocks

    def _sleep_fully(self, seconds: float) -> None:
        """Sleep for that time also where ``_sleep`` ends when the proxy changes: a check changes it."""
        self._sleep(seconds)


class AsyncConnectionHandle(ConnectionMethods[AsyncChange, Coroutine[Any, Any, None]]):
    """One live connection: its state as it was read, and the methods to change it.

    Args:
        info: Its state; ``refresh`` reads it again.
        proxy: Its proxy.
    """

    def __init__(self, info: ConnectionInfo, proxy: AsyncProxyHandle) -> None:
        super().__init__(info.id, proxy._requester)
        self.info = info
        self._proxy = proxy

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} from {self.info.client}>"

    async def refresh(self) -> None:
        """Read its state again."""
        self.info = await self._proxy._send(GetConnection(self.id))

    def _change(self, method: str, override: Override) -> AsyncChange:
        return self._proxy._change(method, override)

    async def _do(self, command: Command[None]) -> None:
        await self._proxy._send(command)


class AsyncProxyHandle(ProxyMethods[AsyncChange, Coroutine[Any, Any, None]]):
    """A proxy, with async methods."""

    async def connections(self) -> list[AsyncConnectionHandle]:
        """Return the live connections, oldest first."""
        return [AsyncConnectionHandle(info, self) for info in await self._send(ListConnections())]

    async def connection(self, id: str) -> AsyncConnectionHandle:
        """Return one live connection."""
        return AsyncConnectionHandle(await self._send(GetConnection(id)), self)

    async def stats(self) -> Stats:
        """Return the counters of the proxy."""
        return (await self._send(GetProxy())).stats

    async def defaults(self) -> Defaults:
        """Return the defaults of new connections."""
        return await self._send(GetDefaults())

    async def wait_for_connection(self, timeout_s: Seconds = TIMEOUT_S) -> AsyncConnectionHandle:
        """Wait until there is a live connection; return the oldest."""

        async def look() -> AsyncConnectionHandle | None:
            return next(iter(await self.connections()), None)

        return await self._wait(look, timeout_s, LIVE_CONNECTION)

    async def wait_for_no_connections(self, timeout_s: Seconds = TIMEOUT_S) -> None:
        """Wait until no connection is open or dialling."""

        async def look() -> Stats | None:
            return _if_met(_are_all_over, await self.stats())

        await self._wait(look, timeout_s, NO_CONNECTIONS)

    async def wait_for(self, condition: Callable[[Stats], object], timeout_s: Seconds = TIMEOUT_S) -> Stats:
        """Wait until the counters meet a condition; return them."""

        async def look() -> Stats | None:
            return _if_met(condition, await self.stats())

        return await self._wait(look, timeout_s, MET_COUNTERS)

    @overload
    async def wait_for_recovery(self, check: Callable[[], Awaitable[T]], within_s: Seconds = ...) -> T: ...

    @overload
    async def wait_for_recovery(self, check: Callable[[], T], within_s: Seconds = ...) -> T: ...

    async def wait_for_recovery(
        self, check: Callable[[], Awaitable[Any]] | Callable[[], Any], within_s: Seconds = TIMEOUT_S
    ) -> Any:
        """Make the network good, as ``quiet`` does; wait for the program, and return the check's result.

        Args:
            check: Uses the program. A true result means that the program has recovered; another one, or an
                exception, that it has not yet. It is called again and again. A coroutine is cancelled at the
                end of the time.
            within_s: The time from the moment at which the network is good.

        Raises:
            RecoveryTimeout: If no check succeeded in that time; its cause is the last check's exception.
        """
        checks = _Checks[Any](within_s, self._time)
        async with self.quiet():
            for pause_s in checks.pauses():
                with checks.attempt(), anyio.move_on_after(checks.left_s) as limit:
                    result = check()
                    checks.take((await result) if isawaitable(result) else result)
                if checks.has_passed or limit.cancelled_caught or not self._may_change:
                    break
                await self._sleep_fully(pause_s)
            return checks.conclude()

    @abstractmethod
    async def _send(self, command: Command[ResultT]) -> ResultT:
        """Execute a command, and return its result."""

    def _change(self, method: str, override: Override) -> AsyncChange:
        return AsyncChange(method, override, self._send)

    async def _do(self, command: Command[None]) -> None:
        await self._send(command)

    async def _wait(self, look: Callable[[], Awaitable[T | None]], timeout_s: Seconds, wanted: str) -> T:
        limit_s = seconds_of("timeout_s", timeout_s)
        for pause_s in _pauses(limit_s, self._longest_pause_s, self._time):
            if (found := await look()) is not None:
                return found
            if not self._may_change:
                break
            await self._sleep(pause_s)
        if (found := await look()) is not None:  # met during the last pause
            return found
        raise WaitTimeout(wanted, limit_s, f"so far: {await self.stats()}")

    _longest_pause_s: ClassVar[float] = LONGEST_PAUSE_S

    @property
    def _may_change(self) -> bool:
        """Whether the proxy can still change: if not, a wait ends at once."""
        return True

    def _time(self) -> float:
        return anyio.current_time()

    async def _sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    async def _sleep_fully(self, seconds: float) -> None:
        """Sleep for that time also where ``_sleep`` ends when the proxy changes: a check changes it."""
        await self._sleep(seconds)


class _Checks(Generic[T]):
    """The checks of one wait for a recovery.

    Args:
        within_s: The time in which one has to pass.
        time: The clock.
    """

    def __init__(self, within_s: Seconds, time: Callable[[], float]) -> None:
        self._within_s = positive_seconds_of("within_s", within_s)
        self._time = time
        self._made = 0
        self._end, self._ended_s = "", 0.0
        self._cause: Exception | None = None
        self.result: T | None = None
        """The result of the last check."""
        self.has_passed = False

    @property
    def left_s(self) -> float:
        """The seconds that are left."""
        return self._began_at + self._within_s - self._time()

    def pauses(self) -> Iterator[float]:
        """Begin; yield the pause after each check: at most half of what is left, so that all of it counts."""
        self._began_at = self._time()
        for pause_s in _pauses(self._within_s, LONGEST_PAUSE_S, self._time):
            yield min(pause_s, max(self.left_s / 2, FIRST_PAUSE_S))

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Make a check: note that it raised, or that it did not end."""
        self._made += 1
        self._end, self._cause, self.result = "did not end", None, None
        try:
            yield
        except Exception as exc:
            self._end, self._cause = f"raised {exc!r}", exc
        self._ended_s = self._within_s - self.left_s

    def take(self, result: T) -> None:
        """Take the result of a check; it passes if that is true, and not too late."""
        self.result = result
        self.has_passed = bool(result) and self.left_s >= 0
        self._end = f"returned {result!r}"

    def conclude(self) -> T:
        """Return the result of the check that passed.

        Raises:
            RecoveryTimeout: If none did.
        """
        if self.has_passed:
            return cast(T, self.result)
        end = self._end if len(self._end) <= LONGEST_END else f"{self._end[:LONGEST_END]}…"
        seen = f"check {self._made} {end} after {self._ended_s:.3g} s"
        raise RecoveryTimeout(RECOVERY, self._within_s, seen) from self._cause


def _pauses(timeout_s: float, longest_s: float, time: Callable[[], float]) -> Iterator[float]:
    """Yield the pauses between polls, until the timeout is over."""
    over_at, pause_s = time() + timeout_s, FIRST_PAUSE_S
    while (left_s := over_at - time()) > 0:
        yield min(pause_s, left_s)
        pause_s = min(pause_s * 1.5, longest_s)


def _if_met(condition: Callable[[Stats], object], stats: Stats) -> Stats | None:
    return stats if condition(stats) else None


def _are_all_over(stats: Stats) -> bool:
    return stats.connections_open + stats.connections_dialling == 0
