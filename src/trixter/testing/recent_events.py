"""Records of a proxy for its test: recent events, and faults at a failure."""

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

# As many as a person still reads.
KEPT = 20

# So many connections with faults of their own are shown; the rest is only counted.
SHOWN = 10

# The attribute by which an exception is recognized: its id() may be that of an earlier one.
MARK = "_trixter_mark"

CHANGES = (Apply, Revert, EndConnections)


@dataclass(frozen=True, slots=True)
class Event:
    """An event.

    Args:
        at_s: Its time, in seconds from the start of the record.
        text: Its description.
    """

    at_s: float
    text: str

    def __str__(self) -> str:
        return f"+{self.at_s:.3f} s  {self.text}"


@dataclass(frozen=True, slots=True)
class FaultsAtFailure:
    """The faults in force when an exception began to revert them.

    Args:
        mark: The mark of the exception. Not the exception itself: that would keep the test's objects alive.
        in_force: The faults, in lines.
    """

    mark: object
    in_force: list[str]


class RecentEvents:
    """The last few events of a proxy, recorded on its loop. To record one takes a few microseconds."""

    def __init__(self) -> None:
        self.start_over()

    def start_over(self) -> None:
        """Forget all events, and count the time from now."""
        self._began_at = monotonic()
        self._recorded = 0
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._failure: FaultsAtFailure | None = None
        # Of the command that is being executed.
        self._target = ALL
        self._defaults = Defaults()

    def lines(self) -> list[str]:
        """Return the events as lines, oldest first."""
        earlier = self._recorded - len(self._events)
        return [*([f"({earlier} earlier ones)"] if earlier else []), *map(str, self._events)]

    def in_force(self, proxy: Proxy, exc: BaseException | None) -> list[str]:
        """Return the faults in force when that was raised, or those of now if it reverted nothing."""
        if self._failure is not None and any(
            vars(each).get(MARK) is self._failure.mark for each in _all_of(exc)
        ):
            return self._failure.in_force
        return describe_network(proxy)

    def on_opened(self, connection: Connection) -> None:
        self._record(f"connection {connection.number} opened, from {connection.client}")

    def on_ended(self, connection: Connection, ending: EndReason) -> None:
        up, down = (connection.forwarded_bytes(direction) for direction in Direction)
        self._record(f"connection {connection.number} ended: {ending}; {up} B up, {down} B down")

    def on_availability(self, availability: Availability) -> None:
        """Record a change of availability, before the connections that it ends."""
        self._record(f"availability: {availability.value}")

    def before(self, command: Command[Any], controller: Controller, failing: BaseException | None) -> None:
        """Record the state before a command changes it, perhaps since a failing test reverts its faults."""
        if not isinstance(command, CHANGES):
            return
        self._target = _target_of(command, controller)
        self._defaults = controller.proxy.defaults
        if failing is None:
            return
        mark = vars(failing).setdefault(MARK, object())
        if self._failure is None or self._failure.mark is not mark:
            self._failure = FaultsAtFailure(mark, describe_network(controller.proxy))

    def after(self, command: Command[Any], proxy: Proxy) -> None:
        """Record what a command has changed."""
        if not isinstance(command, Apply | Revert):
            return
        is_about_defaults = isinstance(command, Apply) and _is_about_defaults(command.override)
        if is_about_defaults or proxy.defaults != self._defaults:
            self._record(f"new connections: {describe_defaults(proxy.defaults)}")
        connection = proxy.registry.get(self._target)
        if connection is not None:
            faults = (connection.pipe(direction).faults for direction in Direction)
            self._record(f"connection {connection.number}: {describe_faults(*faults)}")

    def _record(self, text: str) -> None:
        self._events.append(Event(monotonic() - self._began_at, text))
        self._recorded += 1


def _is_about_defaults(override: Override) -> bool:
    is_changed = override.changes_faults or override.connection_duration_s is not None
    return override.target == ALL and is_changed


def _target_of(command: Command[Any], controller: Controller) -> str:
    """Return the id of the connection that a command changes; ``ALL`` if it is not about one."""
    match command:
        case Apply(override=override):
            return override.target
        case Revert(id):
            reverted = controller.override(id)
            return ALL if reverted is None else reverted.target
    return ALL


def _all_of(exc: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, its causes and contexts, and the members of groups."""
    seen: set[int] = set()
    due = [exc]
    while due:
        each = due.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            due += [each.__cause__, each.__context__]
            due += getattr(each, "exceptions", ())  # of a group


def describe_fault(fault: Fault) -> str:
    """Format a fault as a call of its class, without default values."""
    given = (
        f"{each.name}={getattr(fault, each.name)!r}"
        for each in fields(fault)
        if getattr(fault, each.name) != each.default
    )
    return f"{type(fault).__name__}({', '.join(given)})"


def describe_faults(upstream: Faults, downstream: Faults) -> str:
    """Format the faults of both directions."""
    if not upstream and not downstream:
        return "none"
    texts = [", ".join(map(describe_fault, faults)) or "none" for faults in (upstream, downstream)]
    if texts[0] == texts[1]:
        return f"{texts[0]}, both ways"
    return f"upstream {texts[0]}; downstream {texts[1]}"


def describe_defaults(defaults: Defaults) -> str:
    """Format the defaults of new connections."""
    text = describe_faults(defaults.upstream, defaults.downstream)
    return (
        f"{text}; reset at the age of {defaults.connection_duration_s:g} s"
        if defaults.connection_duration_s
        else text
    )


def describe_network(proxy: Proxy) -> list[str]:
    """Return the faults in force now, in lines; ``calm`` if there are none."""
    lines = [describe_defaults(proxy.defaults)]
    if proxy.availability is not Availability.UP:
        lines.append(f"new connections are refused: {proxy.availability.value}")
    usual = [proxy.defaults.faults(direction) for direction in Direction]
    odd = [each for each in proxy.registry if _faults_of(each) != usual]
    lines += [f"connection {each.number}: {describe_faults(*_faults_of(each))}" for each in odd[:SHOWN]]
    if len(odd) > SHOWN:
        lines.append(f"and {len(odd) - SHOWN} more connections with faults of their own")
    return lines


def _faults_of(connection: Connection) -> list[Faults]:
    return [connection.pipe(direction).faults for direction in Direction]
