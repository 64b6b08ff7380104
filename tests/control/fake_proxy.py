"""A proxy of nothing but state, which performs steps: no socket, no clock, no thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from trixter.control import ALL, AsyncProxyFace, ConnectionState, News, ProxyFace, ProxyState, Stats, Step
from trixter.control.steps import (
    EndConnections,
    ReadConnection,
    ReadConnections,
    ReadProxy,
    SetDefaults,
    SetDoor,
    SetDuration,
    SetFaults,
    WaitForNews,
)
from trixter.errors import ConnectionNotFound
from trixter.faults import Direction, Faults
from trixter.proxy import Defaults
from trixter.settings import Door

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM


class FakeProxy:
    """Keep what a proxy keeps; remember what was asked of it.

    Args:
        **ids: The connections that are live, and their faults in both directions.
    """

    def __init__(self, **ids: Faults) -> None:
        self.defaults = Defaults()
        self.door = Door.OPEN
        self.accepted = self.dialling = 0
        self.ended: Counter[str] = Counter()
        self.connections: dict[str, dict[Direction, Faults]] = {}
        self.asked: list[Step[Any]] = []
        self.now = 100.0
        self.schedule: dict[float, Callable[[], object]] = {}
        self.before: dict[type[Step[Any]], Callable[[], object]] = {}
        """What happens, once, just before a step of that kind."""
        for id, faults in ids.items():
            self.open(id)
            self.connections[id] = dict.fromkeys(Direction, faults)

    def open(self, id: str) -> None:
        """Let a connection open; it starts with the defaults."""
        self.accepted += 1
        self.connections[id] = {direction: self.defaults.faults(direction) for direction in Direction}

    def end(self, id: str, reason: str = "closed") -> None:
        """Let a connection end."""
        del self.connections[id]
        self.ended[reason] += 1

    def perform(self, step: Step[Any]) -> Any:
        """Perform one step."""
        self.before.pop(type(step), lambda: None)()
        self.asked.append(step)
        match step:
            case ReadProxy():
                return ProxyState(
                    listen=("127.0.0.1:8080",),
                    upstream="db:5432",
                    door=self.door,
                    defaults=self.defaults,
                    stats=self.stats(),
                )
            case ReadConnections(state):
                return [self.state(id) for id in self.connections] if state == "open" else []
            case ReadConnection(id):
                return self.state(id)
            case SetFaults(target, directions, swap):
                for id in self.named(target):
                    faults = self.connections[id]
                    faults |= {each: swap.applied_to(faults[each]) for each in directions}
            case SetDefaults(directions, swap):
                for each in directions:
                    changed = swap.applied_to(self.defaults.faults(each))
                    self.defaults = self.defaults.with_faults(each, changed)
            case SetDuration(duration_s):
                self.defaults = replace(self.defaults, duration_s=duration_s)
            case SetDoor(door):
                self.door = door
            case EndConnections(target=target, reason=reason, reset=reset):
                for id in self.named(target):
                    self.end(id, f"{reason}{', reset' if reset else ''}")
            case WaitForNews(since=since, timeout_s=timeout_s):
                return self.wait(since, timeout_s)
        return None

    def state(self, id: str) -> ConnectionState:
        """Return how a connection stands."""
        (id,) = self.named(id)
        nothing = dict.fromkeys(Direction, 0)
        return ConnectionState(
            id=id,
            client="127.0.0.1:59024",
            upstream="db:5432",
            age_s=1.0,
            faults=dict(self.connections[id]),
            passed_bytes=nothing,
            held_bytes=nothing,
        )

    def stats(self) -> Stats:
        """Return its counters."""
        return Stats(
            connections_accepted=self.accepted,
            connections_open=len(self.connections),
            connections_dialling=self.dialling,
            bytes_upstream=10,
            bytes_downstream=20,
            ended=dict(self.ended),
        )

    def named(self, target: str) -> list[str]:
        """Return the ids that are meant."""
        if target == ALL:
            return list(self.connections)
        if target not in self.connections:
            raise ConnectionNotFound(target)
        return [target]

    def wait(self, since: News | None, timeout_s: float) -> News:
        """Go on to what is scheduled next, or to the end of the time."""
        if since is None:
            return News(0, self.now)
        over_at = self.now + timeout_s
        due = min(self.schedule, default=over_at)
        if due > over_at:
            due = over_at
        self.now = due
        self.schedule.pop(due, lambda: None)()
        return News(since.number + 1, self.now)


class FakeFace(ProxyFace):
    """Its face for those who block."""

    def __init__(self, fake: FakeProxy) -> None:
        self.fake = fake

    def _perform(self, step: Step[Any]) -> Any:
        return self.fake.perform(step)


class AsyncFakeFace(AsyncProxyFace):
    """Its face for those who await."""

    def __init__(self, fake: FakeProxy) -> None:
        self.fake = fake

    async def _perform(self, step: Step[Any]) -> Any:
        return self.fake.perform(step)
