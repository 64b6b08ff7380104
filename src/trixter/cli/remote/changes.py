"""What happened between two looks at a proxy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

ConnectionT = TypeVar("ConnectionT")
DefaultsT = TypeVar("DefaultsT")


class Kind(Enum):
    """Name what can happen."""

    OPENED = "opened"
    CHANGED = "changed"
    ENDED = "ended"
    DEFAULTS = "defaults"


@dataclass(frozen=True, slots=True)
class Look(Generic[ConnectionT, DefaultsT]):
    """Hold what was seen at one moment, in whatever form it was asked for.

    Args:
        connections: By their ids, oldest first.
        faults: Of each of them; compared, and not looked into.
        defaults: What new connections start with.
    """

    connections: Mapping[str, ConnectionT]
    faults: Mapping[str, object]
    defaults: DefaultsT


@dataclass(frozen=True, slots=True)
class Happening(Generic[ConnectionT, DefaultsT]):
    """Say what happened.

    Args:
        kind: In one word.
        what: The connection, as it was seen last, or the new defaults.
    """

    kind: Kind
    what: ConnectionT | DefaultsT


def happenings(
    before: Look[ConnectionT, DefaultsT] | None, now: Look[ConnectionT, DefaultsT]
) -> Iterator[Happening[ConnectionT, DefaultsT]]:
    """Yield what is different, and everything at the first look: defaults, what ended, what is there."""
    if before is None or before.defaults != now.defaults:
        yield Happening(Kind.DEFAULTS, now.defaults)
    former = before.connections if before else {}
    for id, connection in former.items():
        if id not in now.connections:
            yield Happening(Kind.ENDED, connection)
    for id, connection in now.connections.items():
        if before is None or id not in former:
            yield Happening(Kind.OPENED, connection)
        elif now.faults[id] != before.faults[id]:
            yield Happening(Kind.CHANGED, connection)
