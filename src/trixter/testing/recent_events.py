"""Recent events of a proxy and the state of its network, for the report of a test that fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from trixter.control.commands import Apply, Command, EndConnections, Revert
from trixter.control.controller import Controller
from trixter.control.overrides import ALL, Override
from trixter.faults import Direction, Fault, Faults
from trixter.monotonic import monotonic
from trixter.proxy import Availability, Connection, Defaults, EndReason, Proxy

# What one still reads.
KEPT = 20

# Connections that have faults of their own, before the rest of them is only counted.
SHOWN = 10

# What an exception is known by, among its attributes. Its id() may be that of another one before it.
MARK = "_trixter_mark"

CHANGES = (Apply, Revert, EndConnections)


@dataclass(frozen=True, slots=True)
class Event:
    """Say what happened.

    Args:
        at_s: When, counted from the first.
        text: What.
    """

    at_s: float
    text: str

    def __str__(self) -> str:
        return f"+{self.at_s:.3f} s  {self.text}"


@dataclass(frozen=True, slots=True)
class Failure:
    """Remember what was in force when an exception began to take faults back.

    Args:
        mark: Which it was. Not the exception itself: it would keep alive what the test left behind.
        in_force: A line for each thing.
    """

    mark: object
    in_force: list[str]


class RecentEvents:
    """Keep the last few events of a proxy, on its loop. Noting one takes a few microseconds."""

    def __init__(self) -> None:
        self.start_over()

    def start_over(self) -> None:
        """Forget everything, and count from now."""
        self._began_at = monotonic()
        self._noted = 0
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._failure: Failure | None = None
        # Of the command that is executed now.
        self._target = ALL
        self._defaults = Defaults()

    def lines(self) -> list[str]:
        """Return what happened, oldest first."""
        earlier = self._noted - len(self._events)
        return [*([f"({earlier} earlier ones)"] if earlier else []), *map(str, self._events)]

    def in_force(self, proxy: Proxy, exc: BaseException | None) -> list[str]:
        """Return what was in force when that was raised, or is now if it took nothing back."""
        if self._failure is not None and any(
            vars(each).get(MARK) is self._failure.mark for each in _all_of(exc)
        ):
            return self._failure.in_force
        return in_force(proxy)

    def on_opened(self, connection: Connection) -> None:
        self._note(f"connection {connection.number} opened, from {connection.client}")

    def on_ended(self, connection: Connection, ending: EndReason) -> None:
        up, down = (connection.forwarded_bytes(direction) for direction in Direction)
        self._note(f"connection {connection.number} ended: {ending}; {up} B up, {down} B down")

    def on_availability(self, availability: Availability) -> None:
        """Note that the proxy is about to accept, or not; the connections that this ends come after it."""
        self._note(f"availability: {availability.value}")

    def before(self, command: Command[Any], controller: Controller, failing: BaseException | None) -> None:
        """Look at how things are before a command changes them, perhaps because a test fails."""
        if not isinstance(command, CHANGES):
            return
        self._target = _target_of(command, controller)
        self._defaults = controller.proxy.defaults
        if failing is None:
            return
        mark = vars(failing).setdefault(MARK, object())
        if self._failure is None or self._failure.mark is not mark:
            self._failure = Failure(mark, in_force(controller.proxy))

    def after(self, command: Command[Any], proxy: Proxy) -> None:
        """Note what a command has changed."""
        if not isinstance(command, Apply | Revert):
            return
        told = isinstance(command, Apply) and _is_about_defaults(command.override)
        if told or proxy.defaults != self._defaults:
            self._note(f"new connections: {text_of_defaults(proxy.defaults)}")
        connection = proxy.registry.get(self._target)
        if connection is not None:
            faults = (connection.pipe(direction).faults for direction in Direction)
            self._note(f"connection {connection.number}: {text_of_faults(*faults)}")

    def _note(self, text: str) -> None:
        self._events.append(Event(monotonic() - self._began_at, text))
        self._noted += 1


def _is_about_defaults(override: Override) -> bool:
    is_changed = override.changes_faults or override.connection_duration_s is not None
    return override.target == ALL and is_changed


def _target_of(command: Command[Any], controller: Controller) -> str:
    """Return the id of the connection that a command is about; ``ALL`` if it is about none."""
    match command:
        case Apply(override=override):
            return override.target
        case Revert(id):
            reverted = controller.override(id)
            return ALL if reverted is None else reverted.target
    return ALL


def _all_of(exc: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, those it was made of, and those it came from."""
    seen: set[int] = set()
    due = [exc]
    while due:
        each = due.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            due += [each.__cause__, each.__context__]
            due += getattr(each, "exceptions", ())  # of a group


def text_of_fault(fault: Fault) -> str:
    """Write a fault as it is made, without the settings that were left alone."""
    given = (
        f"{each.name}={getattr(fault, each.name)!r}"
        for each in fields(fault)
        if getattr(fault, each.name) != each.default
    )
    return f"{type(fault).__name__}({', '.join(given)})"


def text_of_faults(upstream: Faults, downstream: Faults) -> str:
    """Write the faults of both directions."""
    if not upstream and not downstream:
        return "calm"
    texts = [", ".join(map(text_of_fault, faults)) or "calm" for faults in (upstream, downstream)]
    if texts[0] == texts[1]:
        return f"{texts[0]}, both ways"
    return f"upstream {texts[0]}; downstream {texts[1]}"


def text_of_defaults(defaults: Defaults) -> str:
    """Write what connections start with."""
    text = text_of_faults(defaults.upstream, defaults.downstream)
    return (
        f"{text}; reset at the age of {defaults.connection_duration_s:g} s"
        if defaults.connection_duration_s
        else text
    )


def in_force(proxy: Proxy) -> list[str]:
    """Return what is wrong with the network now, a line for each thing; ``calm`` if nothing is."""
    lines = [text_of_defaults(proxy.defaults)]
    if proxy.availability is not Availability.UP:
        lines.append(f"new connections are refused: {proxy.availability.value}")
    usual = [proxy.defaults.faults(direction) for direction in Direction]
    odd = [each for each in proxy.registry if _faults_of(each) != usual]
    lines += [f"connection {each.number}: {text_of_faults(*_faults_of(each))}" for each in odd[:SHOWN]]
    if len(odd) > SHOWN:
        lines.append(f"and {len(odd) - SHOWN} more connections with faults of their own")
    return lines


def _faults_of(connection: Connection) -> list[Faults]:
    return [connection.pipe(direction).faults for direction in Direction]
