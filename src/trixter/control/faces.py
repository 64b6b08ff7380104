"""The faces of a proxy: the words, for those who block and for those who await.

A face knows one thing by itself: how to have a step performed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any

from trixter.control import waits
from trixter.control.change import AsyncChange, Change, Perform, PerformAsync
from trixter.control.edits import Edit
from trixter.control.plans import run, run_async
from trixter.control.states import ConnectionState, Stats
from trixter.control.steps import ReadConnection, ReadConnections, ReadProxy, Step
from trixter.control.words import ConnectionWords, ProxyWords
from trixter.settings import Defaults

Doing = Coroutine[Any, Any, None]

TIMEOUT_S = 5.0
"""How long waits are, unless they are told."""


class LiveConnection(ConnectionWords[Change, None]):
    """One live connection: how it stood when it was read, and the words to change it.

    Args:
        state: As it was read; ``refresh`` reads it again.
        perform: Who performs steps.
    """

    def __init__(self, state: ConnectionState, perform: Perform) -> None:
        super().__init__(state.id)
        self.state = state
        self._perform = perform

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} from {self.state.client}>"

    def refresh(self) -> None:
        """Read its state again."""
        self.state = self._perform(ReadConnection(self.id))

    def _begin(self, word: str, edit: Edit) -> Change:
        return Change(word, edit, self._perform)

    def _do(self, step: Step[None]) -> None:
        self._perform(step)


class ProxyFace(ProxyWords[Change, None]):
    """A proxy, for those who block."""

    @property
    def connections(self) -> list[LiveConnection]:
        """The live connections, oldest first."""
        return [LiveConnection(state, self._perform) for state in self._perform(ReadConnections())]

    @property
    def stats(self) -> Stats:
        """What it has done so far."""
        stats: Stats = self._perform(ReadProxy()).stats
        return stats

    @property
    def defaults(self) -> Defaults:
        """What new connections start with."""
        defaults: Defaults = self._perform(ReadProxy()).defaults
        return defaults

    def connection(self, id: str) -> LiveConnection:
        """Return one live connection."""
        return LiveConnection(self._perform(ReadConnection(id)), self._perform)

    def wait_for_connection(self, timeout_s: float = TIMEOUT_S) -> LiveConnection:
        """Wait until there is a live connection; return the oldest."""
        return LiveConnection(run(waits.connection(timeout_s), self._perform), self._perform)

    def wait_for_no_connections(self, timeout_s: float = TIMEOUT_S) -> None:
        """Wait until no connection is open, and none waits for its upstream."""
        run(waits.no_connections(timeout_s), self._perform)

    def wait_for(self, condition: Callable[[Stats], object], timeout_s: float = TIMEOUT_S) -> Stats:
        """Wait until the counters meet a condition; return them."""
        return run(waits.stats(condition, timeout_s), self._perform)

    @abstractmethod
    def _perform(self, step: Step[Any]) -> Any:
        """Perform one step and return its result."""

    def _begin(self, word: str, edit: Edit) -> Change:
        return Change(word, edit, self._perform)

    def _do(self, step: Step[None]) -> None:
        self._perform(step)


class AsyncLiveConnection(ConnectionWords[AsyncChange, Doing]):
    """One live connection: how it stood when it was read, and the words to change it.

    Args:
        state: As it was read; ``refresh`` reads it again.
        perform: Who performs steps.
    """

    def __init__(self, state: ConnectionState, perform: PerformAsync) -> None:
        super().__init__(state.id)
        self.state = state
        self._perform = perform

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} from {self.state.client}>"

    async def refresh(self) -> None:
        """Read its state again."""
        self.state = await self._perform(ReadConnection(self.id))

    def _begin(self, word: str, edit: Edit) -> AsyncChange:
        return AsyncChange(word, edit, self._perform)

    async def _do(self, step: Step[None]) -> None:
        await self._perform(step)


class AsyncProxyFace(ProxyWords[AsyncChange, Doing]):
    """A proxy, for those who await."""

    async def connections(self) -> list[AsyncLiveConnection]:
        """Return the live connections, oldest first."""
        return [AsyncLiveConnection(state, self._perform) for state in await self._perform(ReadConnections())]

    async def stats(self) -> Stats:
        """Return what it has done so far."""
        stats: Stats = (await self._perform(ReadProxy())).stats
        return stats

    async def defaults(self) -> Defaults:
        """Return what new connections start with."""
        defaults: Defaults = (await self._perform(ReadProxy())).defaults
        return defaults

    async def connection(self, id: str) -> AsyncLiveConnection:
        """Return one live connection."""
        return AsyncLiveConnection(await self._perform(ReadConnection(id)), self._perform)

    async def wait_for_connection(self, timeout_s: float = TIMEOUT_S) -> AsyncLiveConnection:
        """Wait until there is a live connection; return the oldest."""
        return AsyncLiveConnection(await run_async(waits.connection(timeout_s), self._perform), self._perform)

    async def wait_for_no_connections(self, timeout_s: float = TIMEOUT_S) -> None:
        """Wait until no connection is open, and none waits for its upstream."""
        await run_async(waits.no_connections(timeout_s), self._perform)

    async def wait_for(self, condition: Callable[[Stats], object], timeout_s: float = TIMEOUT_S) -> Stats:
        """Wait until the counters meet a condition; return them."""
        return await run_async(waits.stats(condition, timeout_s), self._perform)

    @abstractmethod
    async def _perform(self, step: Step[Any]) -> Any:
        """Perform one step and return its result."""

    def _begin(self, word: str, edit: Edit) -> AsyncChange:
        return AsyncChange(word, edit, self._perform)

    async def _do(self, step: Step[None]) -> None:
        await self._perform(step)
