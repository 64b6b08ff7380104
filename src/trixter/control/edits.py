"""Edits: what is changed about a proxy, and how it is taken back. Decided here, once, for everybody."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from trixter.control.plans import Asking
from trixter.control.states import ConnectionState
from trixter.control.steps import (
    ALL,
    ReadConnection,
    ReadConnections,
    ReadProxy,
    SetDefaults,
    SetDoor,
    SetDuration,
    SetFaults,
    Step,
)
from trixter.control.swap import Swap
from trixter.errors import ConnectionNotFound
from trixter.faults import Direction, Faults
from trixter.settings import Defaults, Door

FaultsByDirection = Mapping[Direction, Faults]
Swaps = Mapping[Direction, Swap]
"""What is swapped in each direction; one that is not there is left alone."""


class Edit(ABC):
    """One change, which remembers what was there before.

    Edits that overlap are taken back in the opposite order, like parentheses.
    """

    @abstractmethod
    def apply(self) -> Asking[Step[Any], None]:
        """Plan the change."""

    @abstractmethod
    def restore(self) -> Asking[Step[Any], None]:
        """Plan to bring back what was there before, as far as ``apply`` came; what is gone is no error."""


class ProxyFaultsEdit(Edit):
    """Change the faults of every live connection, and those that new ones start with.

    Taken back, each connection gets its own former faults of these kinds. Those that were not there before
    get the former defaults.
    """

    def __init__(self, swaps: Swaps) -> None:
        self._swaps = swaps
        self._former_defaults: Defaults | None = None
        self._former: dict[str, FaultsByDirection] = {}

    def apply(self) -> Asking[Step[Any], None]:
        defaults = (yield from ReadProxy()).defaults
        # Read before the defaults change: whoever opens in between started with the former ones, and will
        # get them back.
        connections = yield from ReadConnections()
        self._former = {connection.id: connection.faults for connection in connections}
        self._former_defaults = defaults
        for swap, directions in _grouped(self._swaps):
            yield from SetDefaults(directions, swap)
            yield from SetFaults(ALL, directions, swap)

    def restore(self) -> Asking[Step[Any], None]:
        if self._former_defaults is None:
            return
        defaults = _back(self._swaps, {each: self._former_defaults.faults(each) for each in Direction})
        for swap, directions in _grouped(defaults):
            yield from SetDefaults(directions, swap)
        connections = yield from ReadConnections()
        wanted = {connection.id: self._wanted(connection.id, defaults) for connection in connections}
        if all(swaps == defaults for swaps in wanted.values()):
            for swap, directions in _grouped(defaults):
                yield from SetFaults(ALL, directions, swap)
            return
        for connection in connections:
            yield from _bring_back(connection, wanted[connection.id])

    def _wanted(self, id: str, defaults: Swaps) -> Swaps:
        former = self._former.get(id)
        return defaults if former is None else _back(self._swaps, former)


class ConnectionFaultsEdit(Edit):
    """Change the faults of one live connection."""

    def __init__(self, id: str, swaps: Swaps) -> None:
        self._id = id
        self._swaps = swaps
        self._former: FaultsByDirection | None = None

    def apply(self) -> Asking[Step[Any], None]:
        self._former = (yield from ReadConnection(self._id)).faults
        for swap, directions in _grouped(self._swaps):
            yield from SetFaults(self._id, directions, swap)

    def restore(self) -> Asking[Step[Any], None]:
        if self._former is not None:
            with suppress(ConnectionNotFound):
                for swap, directions in _grouped(_back(self._swaps, self._former)):
                    yield from SetFaults(self._id, directions, swap)


class DurationEdit(Edit):
    """Change the age at which connections to come are reset."""

    def __init__(self, duration_s: float) -> None:
        self._duration_s = duration_s
        self._former_s: float | None = None

    def apply(self) -> Asking[Step[Any], None]:
        self._former_s = (yield from ReadProxy()).defaults.duration_s
        yield from SetDuration(self._duration_s)

    def restore(self) -> Asking[Step[Any], None]:
        if self._former_s is not None:
            yield from SetDuration(self._former_s)


class DoorEdit(Edit):
    """Let new connections in, or not."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._former: Door | None = None

    def apply(self) -> Asking[Step[Any], None]:
        self._former = (yield from ReadProxy()).door
        yield from SetDoor(self._door)

    def restore(self) -> Asking[Step[Any], None]:
        if self._former is not None:
            yield from SetDoor(self._former)


def _back(swaps: Swaps, former: FaultsByDirection) -> dict[Direction, Swap]:
    return {direction: swap.back_to(former[direction]) for direction, swap in swaps.items()}


def _bring_back(connection: ConnectionState, swaps: Swaps) -> Asking[Step[Any], None]:
    due = {
        direction: swap
        for direction, swap in swaps.items()
        if swap.applied_to(connection.faults[direction]) != connection.faults[direction]
    }
    with suppress(ConnectionNotFound):  # it ended since we looked
        for swap, directions in _grouped(due):
            yield from SetFaults(connection.id, directions, swap)


def _grouped(swaps: Swaps) -> Iterator[tuple[Swap, tuple[Direction, ...]]]:
    """Yield each swap once, with all its directions: one step serves both where they are alike."""
    directions: dict[Swap, tuple[Direction, ...]] = {}
    for direction, swap in swaps.items():
        directions[swap] = (*directions.get(swap, ()), direction)
    yield from directions.items()
