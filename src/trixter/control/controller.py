"""The controller: the one place where a running proxy is read and changed.

The REST API, proxies beside a test and timed reverts all execute their commands here. It runs on the proxy's
loop and is synchronous: a command is decided as a whole, before anything else happens on the loop.
"""

from __future__ import annotations

import gc
import logging
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from trixter.control.commands import (
    Apply,
    Command,
    EndConnections,
    GetConnection,
    GetDefaults,
    GetProxy,
    ListConnections,
    ListOverrides,
    Renew,
    ResultT,
    Revert,
)
from trixter.control.info import ConnectionInfo, OverrideInfo, ProxyInfo
from trixter.control.overrides import ALL, LIVE, NEW, Override, Overrides, complete, defaults_of
from trixter.errors import BindError, ConnectionNotFound, OverrideNotFound, SettingError
from trixter.faults import Direction
from trixter.faults.validators import positive_seconds_of
from trixter.monotonic import TURN_S
from trixter.proxy.clock import Clock, Timer
from trixter.proxy.connection import Connection
from trixter.proxy.proxy import Proxy
from trixter.proxy.registry import Registry
from trixter.settings import Availability

# More than a program nests. A script that applies one every second, and reverts none, reaches it within the
# hour: then its oldest override becomes permanent, so that the script can run for ever.
MOST_OVERRIDES = 1000

# A timed revert may have to open a port that another program has taken: the retry is this much later.
RETRY_S = 1.0

# Looking one up in its enum takes as long as a call.
UPSTREAM, DOWNSTREAM = Direction

log = logging.getLogger("trixter.control")


def collect_young_objects() -> None:
    """Have the garbage collector see the objects of one turn of a long job, at the end of that turn.

    The collector counts objects that are made less those that are freed. An object that replaces another
    one does not count: after a change of 10,000 connections, the next young collection went through those
    of all of them, and traffic waited 50 ms.
    """
    if gc.isenabled():
        gc.collect(1)  # not 0: the survivors would make the next collection of that generation as long


class Work(NamedTuple):
    """The rest of a command: one call for each of some connections, in any order.

    Args:
        result: The result of the command.
        connections: The connections.
        do: The call; it leaves a connection that has ended alone.
    """

    result: Any
    connections: Sequence[Connection] = ()
    do: Callable[[Connection], None] = lambda connection: None


class Controller:
    """The controller of one proxy.

    It keeps the proxy's overrides, and is the only one to change its defaults, its availability and the
    faults of its connections. An assignment to ``proxy.defaults`` counts as a permanent change.

    Args:
        proxy: The proxy; the controller is called on its loop.
        clock: The clock by which overrides expire; by default the proxy's own, which runs once it is started.
        on_availability: Called with a new availability before it ends connections.
        on_command: Called with each command, and its result, once it is decided; also with a timed revert.
    """

    def __init__(
        self,
        proxy: Proxy,
        *,
        clock: Clock | None = None,
        on_availability: Callable[[Availability], None] = lambda availability: None,
        on_command: Callable[[Command[Any], Any], None] = lambda command, result: None,
    ) -> None:
        self.proxy = proxy
        self._clock = clock
        self._on_availability = on_availability
        self._on_command = on_command
        self._defaults = proxy.defaults
        self._overrides = Overrides(proxy.defaults, proxy.availability)
        self._live = OpenIds(proxy.registry)
        self._timers: dict[str, Timer] = {}
        # A prefix for each run: an id of an earlier run never means an override of this one.
        self._id_prefix = secrets.token_hex(3)
        self._made = 0

    def execute(self, command: Command[ResultT]) -> ResultT:
        """Perform a command and return its result. If it raises, nothing has changed.

        Raises:
            SettingError: If a value is outside its range.
            ConnectionNotFound: If its connection has ended.
            OverrideNotFound: If there is no such override.
            BindError: If another program has the port that is to be opened.
        """
        work = self.begin(command)
        for connection in work.connections:
            work.do(connection)
        result: ResultT = work.result
        return result

    def begin(self, command: Command[Any]) -> Work:
        """Decide a command, and return the work left on connections, which may take a while.

        New connections have the new settings when this returns. Raises as ``execute``.
        """
        work = self._decide(command)
        self._on_command(command, work.result)
        return work

    def _decide(self, command: Command[Any]) -> Work:
        match command:
            case GetProxy():
                return Work(ProxyInfo.of(self.proxy))
            case GetDefaults():
                return Work(self.proxy.defaults)
            case ListConnections(state):
                chosen = self.proxy.registry if state == "open" else self.proxy.registry.dialling
                return Work([ConnectionInfo.of(connection) for connection in chosen])
            case GetConnection(id):
                return Work(ConnectionInfo.of(self._found(id)))
            case EndConnections(target=target, reason=reason, reset=reset):
                end = Connection.reset if reset else Connection.close
                targets = list(self.proxy.registry) if target == ALL else [self._found(target)]
                return Work(None, targets, lambda connection: end(connection, reason))
        self._catch_up()
        match command:
            case ListOverrides():
                return Work([self._override_info(id, override) for id, override in self._overrides])
            case Apply(override=override, permanent=True):
                self._require_open(override.target)
                if not self._overrides.is_quiet():
                    self._move(override.availability)
                self._overrides.keep(override, self._live)
                return self._enforced("", override)
            case Apply(override=override, id=id):
                return self._apply(override, id)
            case Revert(id):
                return self._revert(id)
            case Renew(id, ttl_s):
                ttl_s = positive_seconds_of("ttl_s", ttl_s)
                if self._overrides.get(id) is None:
                    raise OverrideNotFound(id)
                self._expire_in(id, ttl_s)
                return Work(None)
        raise TypeError(f"no controller can do this: {command!r}")

    def override(self, id: str) -> Override | None:
        """Return the override of that id, or ``None``."""
        return self._overrides.get(id)

    def snapshot(self) -> Overrides:
        """Return what is in force, for ``restore``."""
        self._catch_up()
        return self._overrides.copy()

    def restore(self, snapshot: Overrides) -> None:
        """Bring back what was in force; connections opened since then get the faults of new ones.

        Raises:
            BindError: If another program has the port that is to be opened; then nothing has changed.
        """
        self._move(snapshot.availability(), if_other=True)
        self._overrides = snapshot
        self._defaults = self.proxy.defaults
        self._catch_up()
        work = self._enforced(None, complete(self.proxy.defaults))
        for connection in work.connections:
            work.do(connection)

    def _apply(self, override: Override, id: str) -> Work:
        self._require_open(override.target)
        if override.ttl_s is not None and self._running_clock() is None:
            raise SettingError("ttl_s", override.ttl_s, "None while the proxy does not run")
        id = id or self._new_id()
        too_old = self._too_old()
        self._overrides.add(id, override)
        try:
            if self._overrides.is_quiet():
                self._move(Availability.UP, if_other=True)
            else:
                self._move(override.availability)
        except BaseException:
            self._overrides.remove(id)
            raise
        if too_old is not None:  # now that nothing can be refused any more
            log.info(
                "override %s is permanent from now on: there are %d younger ones", too_old, MOST_OVERRIDES
            )
            self._overrides.settle(too_old)
        if override.ttl_s is not None:
            self._expire_in(id, override.ttl_s)
        return self._enforced(id, override)

    def _revert(self, id: str) -> Work:
        if self._overrides.get(id) is None:
            raise OverrideNotFound(id)
        # First: if the port cannot be opened, the override stays, and can be reverted later.
        self._move(self._overrides.availability(without=id), if_other=True)
        override = self._overrides.remove(id)
        if timer := self._timers.pop(id, None):
            timer.cancel()
        return self._enforced(None, override)

    def _enforced(self, result: str | None, changed: Override) -> Work:
        """Set the defaults to what is in force; return the work left of this change."""
        self.proxy.set_quiet(self._overrides.is_quiet())
        in_force = defaults_of(self._overrides.in_force())
        if in_force != self._defaults:
            self.proxy.defaults = self._defaults = in_force
        target = changed.target
        if not changed.changes_faults or target == NEW:
            return Work(result)
        if target in (ALL, LIVE):
            return Work(result, list(self.proxy.registry), self._enforce)
        connection = self.proxy.registry.get(target)
        return Work(result, [connection] if connection else [], self._enforce)

    def _enforce(self, connection: Connection) -> None:
        if self.proxy.replay is not None:
            return  # it goes by its record
        if connection.pipes is None:
            return
        # In force now, not when the command was decided: later commands may have come in between.
        in_force = self._overrides.in_force(connection.id)
        upstream, downstream = connection.pipes
        upstream.faults = in_force.faults(UPSTREAM)
        downstream.faults = in_force.faults(DOWNSTREAM)  # no change if the other one has ended the connection

    def _move(self, availability: Availability | None, *, if_other: bool = False) -> None:
        if availability is None or (if_other and availability is self.proxy.availability):
            return
        self._on_availability(availability)
        self.proxy.set_availability(availability)

    def _catch_up(self) -> None:
        """Drop the overrides of ended connections, and keep an assignment to the defaults."""
        self._overrides.forget_ended(self._live)
        for id in set(self._timers).difference(id for id, _ in self._overrides):
            self._timers.pop(id).cancel()
        if self.proxy.defaults is not self._defaults:
            self._defaults = self.proxy.defaults
            self._overrides.keep(complete(self._defaults, target=NEW), self._live)

    def _new_id(self) -> str:
        while True:  # a caller may have chosen the next one
            self._made += 1
            id = f"{self._id_prefix}-{self._made}"
            if self._overrides.get(id) is None:
                return id

    def _too_old(self) -> str | None:
        """Return the override that becomes permanent if one more is applied, or ``None``."""
        if len(self._overrides) < MOST_OVERRIDES:
            return None
        oldest = next(
            (id for id, each in self._overrides if id not in self._timers and not each.is_quiet), None
        )
        if oldest is None:
            accepts = f"at most {MOST_OVERRIDES} with a time to live, or quiet"
            raise SettingError("overrides", len(self._overrides), accepts)
        return oldest

    def _expire_in(self, id: str, ttl_s: float) -> None:
        if timer := self._timers.pop(id, None):
            timer.cancel()
        clock = self._running_clock()
        if clock is not None:  # a proxy that was stopped has nothing to change any more
            self._timers[id] = clock.call_at(clock.time() + ttl_s, partial(self._expire, id))

    def _expire(self, id: str) -> None:
        del self._timers[id]
        try:
            work = self.begin(Revert(id))
        except OverrideNotFound:  # its connection ended meanwhile
            pass
        except BindError as exc:
            log.warning("override %s is over, but cannot be reverted yet: %s", id, exc)
            self._expire_in(id, RETRY_S)
        else:
            log.info("override %s is over: it was not renewed", id)
            self._do_in_turns(work.do, iter(work.connections))

    def _do_in_turns(self, do: Callable[[Connection], None], connections: Iterator[Connection]) -> None:
        """Do the rest of a command, which no caller waits for: traffic flows between two turns."""
        clock = self._running_clock()
        over_at = clock.time() + TURN_S if clock else None
        for connection in connections:
            do(connection)
            if clock and over_at and (now := clock.time()) >= over_at:
                collect_young_objects()
                clock.call_at(now, partial(self._do_in_turns, do, connections))
                return

    def _running_clock(self) -> Clock | None:
        if self._clock is not None:
            return self._clock
        return self.proxy.context.clock if self.proxy.is_running else None

    def _override_info(self, id: str, override: Override) -> OverrideInfo:
        timer, clock = self._timers.get(id), self._running_clock()
        left_s = max(timer.when - clock.time(), 0.0) if timer and clock else None
        return OverrideInfo(id, override, left_s)

    def _require_open(self, target: str) -> None:
        if target not in (ALL, LIVE, NEW) and target not in self._live:
            raise ConnectionNotFound(target)

    def _found(self, id: str) -> Connection:
        """Return a connection that is open or dialling."""
        connection = self.proxy.registry.find(id)
        if connection is None:
            raise ConnectionNotFound(id)
        return connection


class OpenIds(Collection[str]):
    """A view of the registry: the ids of the connections that are open.

    Args:
        registry: The proxy's.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def __contains__(self, id: object) -> bool:
        return isinstance(id, str) and self._registry.get(id) is not None

    def __iter__(self) -> Iterator[str]:
        return (connection.id for connection in self._registry)

    def __len__(self) -> int:
        return len(self._registry)
