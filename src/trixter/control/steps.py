"""Steps: everything that can be asked of a proxy, whether it runs here or behind an API.

A step is a question or an order, and says nothing about how it travels. Who performs it answers with its
result. A plan asks with ``yield from``, which also gives the answer its type:
``state = yield from ReadProxy()``.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from trixter.control.states import ConnectionState, News, ProxyState, State
from trixter.control.swap import Swap
from trixter.faults import Direction
from trixter.settings import Door

ALL = "_all"
"""Stands for every live connection where an id is expected."""

ResultT = TypeVar("ResultT")


class Step(Generic[ResultT]):
    """Ask one thing of a proxy."""

    __slots__ = ()

    def __iter__(self) -> Generator[Step[Any], Any, ResultT]:
        """Be asked: ``yield from`` a step hands it to whoever performs the plan, and gives the result."""
        result: ResultT = yield self
        return result


@dataclass(frozen=True, slots=True)
class ReadProxy(Step[ProxyState]):
    """Ask for the state of the proxy as a whole."""


@dataclass(frozen=True, slots=True)
class ReadConnections(Step[list[ConnectionState]]):
    """Ask for every live connection, oldest first.

    Args:
        state: Or for those whose upstream has not answered yet.
    """

    state: State = "open"


@dataclass(frozen=True, slots=True)
class ReadConnection(Step[ConnectionState]):
    """Ask for one live connection.

    Args:
        id: Whose; ``ConnectionNotFound`` if it is over.
    """

    id: str


@dataclass(frozen=True, slots=True)
class SetFaults(Step[None]):
    """Change the faults of live connections.

    Args:
        target: A connection's id (``ConnectionNotFound`` if it is over), or ``ALL``.
        directions: In which directions.
        swap: What takes the place of what.
    """

    target: str
    directions: tuple[Direction, ...]
    swap: Swap


@dataclass(frozen=True, slots=True)
class SetDefaults(Step[None]):
    """Change the faults that connections to come start with.

    Args:
        directions: In which directions.
        swap: What takes the place of what.
    """

    directions: tuple[Direction, ...]
    swap: Swap


@dataclass(frozen=True, slots=True)
class SetDuration(Step[None]):
    """Change the age at which connections to come are reset; 0 means never.

    Args:
        duration_s: In seconds.
    """

    duration_s: float


@dataclass(frozen=True, slots=True)
class SetDoor(Step[None]):
    """Let new connections in, or not.

    Args:
        door: As it shall be.
    """

    door: Door


@dataclass(frozen=True, slots=True, kw_only=True)
class EndConnections(Step[None]):
    """End live connections.

    Args:
        target: A connection's id (``ConnectionNotFound`` if it is over), or ``ALL``.
        reason: What the log and the events say.
        reset: Whether both peers get RST; otherwise they see an ordinary end.
    """

    target: str
    reason: str
    reset: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForNews(Step[News]):
    """Wait until something may have changed since the news before, or the time is up.

    Who performs it returns whenever looking again may be worth while: when a connection came or went, or a
    moment later where nothing tells. It also tells the time, of a clock that never goes back.

    Args:
        since: The news before; ``None`` waits for nothing.
        timeout_s: The longest wait.
    """

    since: News | None = None
    timeout_s: float = 0.0
