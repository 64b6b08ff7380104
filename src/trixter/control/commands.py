"""Commands: everything that can be asked of a proxy, whether it runs here or behind an API.

A command is a value and says nothing about how it travels. ``Controller.execute`` performs it, and returns
its result; the type parameter is the type of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from trixter.control.info import ConnectionInfo, OverrideInfo, ProxyInfo, State
from trixter.control.overrides import Override
from trixter.settings import Defaults

ResultT = TypeVar("ResultT")


class Command(Generic[ResultT]):
    """Ask one thing of a proxy."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class GetProxy(Command[ProxyInfo]):
    """Read the proxy as a whole."""


@dataclass(frozen=True, slots=True)
class GetDefaults(Command[Defaults]):
    """Read what new connections start with."""


@dataclass(frozen=True, slots=True)
class ListConnections(Command[list[ConnectionInfo]]):
    """Read every live connection, oldest first.

    Args:
        state: Those that are open, or those whose upstream has not answered yet.
    """

    state: State = "open"


@dataclass(frozen=True, slots=True)
class GetConnection(Command[ConnectionInfo]):
    """Read one live connection.

    Args:
        id: Which one; ``ConnectionNotFound`` if it is over.
    """

    id: str


@dataclass(frozen=True, slots=True)
class ListOverrides(Command[list[OverrideInfo]]):
    """Read the overrides that can be reverted, the oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply(Command[str]):
    """Apply an override; the result is its id.

    Args:
        override: What is changed, and where; ``ConnectionNotFound`` if that connection is over.
        id: What it is to be called, so that it can be reverted even if the result is lost; empty lets the
            proxy choose.
        permanent: It is never reverted, and has no id.
    """

    override: Override
    id: str = ""
    permanent: bool = False


@dataclass(frozen=True, slots=True)
class Revert(Command[None]):
    """Take an override back.

    Args:
        id: Which one; ``OverrideNotFound`` if it is not there (any more).
    """

    id: str


@dataclass(frozen=True, slots=True)
class Renew(Command[None]):
    """Let an override hold for some time more, from now on.

    Args:
        id: Which one; ``OverrideNotFound`` if it is not there (any more).
        ttl_s: How long.
    """

    id: str
    ttl_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EndConnections(Command[None]):
    """End live connections.

    Args:
        target: A connection's id (``ConnectionNotFound`` if it is over), or ``ALL``.
        reason: What the log and the events say.
        reset: Whether both peers get RST; otherwise they see an ordinary end.
    """

    target: str
    reason: str
    reset: bool
