"""Commands: everything that a proxy can be asked, whether it runs here or behind an API.

A command is a value, independent of how it travels. ``Controller.execute`` performs it and returns its
result, whose type is the type parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from trixter.control.info import ConnectionInfo, OverrideInfo, ProxyInfo, State
from trixter.control.overrides import Override
from trixter.errors import SettingError
from trixter.settings import Defaults

ResultT = TypeVar("ResultT")


class Command(Generic[ResultT]):
    """A question to a proxy, or an order."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class GetProxy(Command[ProxyInfo]):
    """Read the proxy as a whole."""


@dataclass(frozen=True, slots=True)
class GetDefaults(Command[Defaults]):
    """Read the defaults of new connections."""


@dataclass(frozen=True, slots=True)
class ListConnections(Command[list[ConnectionInfo]]):
    """Read every live connection, oldest first.

    Args:
        state: ``"open"``, or ``"dialling"``: the upstream has not answered yet.
    """

    state: State = "open"


@dataclass(frozen=True, slots=True)
class GetConnection(Command[ConnectionInfo]):
    """Read one live connection.

    Args:
        id: The connection's; ``ConnectionNotFound`` if it has ended.
    """

    id: str


@dataclass(frozen=True, slots=True)
class ListOverrides(Command[list[OverrideInfo]]):
    """Read the overrides that can be reverted, the oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply(Command[str]):
    """Apply an override; the result is its id.

    Args:
        override: The override; ``ConnectionNotFound`` if its connection has ended.
        id: Its id, chosen by the caller so that it can be reverted even if the result is lost; if empty, the
            proxy chooses one.
        permanent: Whether it is never reverted; then it has no id.

    Raises:
        SettingError: If a quiet one is to be permanent.
    """

    override: Override
    id: str = ""
    permanent: bool = False

    def __post_init__(self) -> None:
        if self.permanent and self.override.is_quiet:
            raise SettingError("is_quiet", True, "left out in a permanent change")


@dataclass(frozen=True, slots=True)
class Revert(Command[None]):
    """Revert an override.

    Args:
        id: The override's; ``OverrideNotFound`` if there is none (any more).
    """

    id: str


@dataclass(frozen=True, slots=True)
class Renew(Command[None]):
    """Set the time to live of an override, from now on.

    Args:
        id: The override's; ``OverrideNotFound`` if there is none (any more).
        ttl_s: Seconds until it is reverted.
    """

    id: str
    ttl_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EndConnections(Command[None]):
    """End live connections.

    Args:
        target: A connection's id (``ConnectionNotFound`` if it has ended), or ``ALL``.
        reason: The reason in the log and in the events.
        reset: Whether both peers get RST; otherwise they see an ordinary end.
    """

    target: str
    reason: str
    reset: bool
