"""Overrides: changes of a proxy that are kept beside what they change, so that each can be taken back.

    in force  =  base, then permanent changes, then override, then permanent changes, then override, …
                 └──── one value each for connections to come and, where it differs, for a live one ────┘

What is in force is computed, never remembered: whatever the order in which overrides come and go, it is the
fold of those that are there, the oldest first. A permanent change is an override that is never reverted. It
goes on top of the youngest override that can be, and sinks to the next one when that is gone: so nothing
grows.

Pure: no clock, no socket, no proxy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from trixter.errors import OverrideNotFound, SettingError
from trixter.faults import NO_FAULTS, Direction, Fault, Faults
from trixter.faults.validators import require_seconds
from trixter.settings import Availability, Defaults

ALL = "_all"
"""The target of an override: every live connection, and the connections to come."""

LIVE = "_live"
"""The target of a permanent change: every connection that is open now."""

NEW = "_new"
"""The target of a permanent change: the connections to come."""

FaultKey = tuple[type[Fault], str | None]
"""A kind of fault and a name; ``None`` stands for every name."""


@dataclass(frozen=True, slots=True)
class ReplaceFaults:
    """Put faults in the place of those with some keys, in one direction.

    Args:
        keys: Which faults go; ``None`` means all of them.
        faults: Which faults come.
    """

    keys: tuple[FaultKey, ...] | None
    faults: Faults = NO_FAULTS

    @classmethod
    def one(cls, fault: Fault) -> ReplaceFaults:
        """Return what puts a fault in the place of its kind or, if it has a name, of the one of that name."""
        return cls(((type(fault), fault.name or None),), Faults(fault))

    @classmethod
    def everything(cls, *faults: Fault) -> ReplaceFaults:
        """Return what puts exactly these faults in the place of all."""
        return cls(None, Faults(*faults))

    def applied_to(self, faults: Faults) -> Faults:
        """Return what becomes of these faults."""
        return Faults(*(fault for fault in faults if not self._concerns(fault)), *self.faults)

    def then(self, later: ReplaceFaults) -> ReplaceFaults:
        """Return what has the effect of this and, on top of it, of a later one."""
        if later.keys is None:
            return later
        keys = None if self.keys is None else tuple(dict.fromkeys((*self.keys, *later.keys)))
        return ReplaceFaults(keys, later.applied_to(self.faults))

    def _concerns(self, fault: Fault) -> bool:
        return self.keys is None or any(
            isinstance(fault, kind) and name in (None, fault.name) for kind, name in self.keys
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Describe a change; ``None`` leaves a thing alone.

    Args:
        target: ``ALL``, or the id of one connection; permanent changes also take ``LIVE`` and ``NEW``.
        upstream: What is replaced in the direction to the upstream.
        downstream: What is replaced in the direction to the client.
        availability: Whether new connections are accepted.
        connection_duration_s: The age at which connections to come are reset; 0 means never.
        name: What it is called in listings.
        ttl_s: How long it holds, unless it is renewed; then it is reverted. ``None`` means until it is
            reverted.

    Raises:
        SettingError: If a value is outside its range, or one connection is given what only a proxy has.
    """

    target: str = ALL
    upstream: ReplaceFaults | None = None
    downstream: ReplaceFaults | None = None
    availability: Availability | None = None
    connection_duration_s: float | None = None
    name: str = ""
    ttl_s: float | None = None

    def __post_init__(self) -> None:
        if self.availability is not None and not isinstance(self.availability, Availability):
            raise SettingError(
                "availability",
                self.availability,
                "Availability.UP, Availability.REFUSING or Availability.DOWN",
            )
        if self.connection_duration_s is not None:
            require_seconds("connection_duration_s", self.connection_duration_s)
        if self.ttl_s is not None:
            require_ttl(self.ttl_s)
        is_for_a_proxy = self.availability is not None or self.connection_duration_s is not None
        if is_for_a_proxy and self.target not in (ALL, NEW):
            accepts = f"{ALL!r} where the proxy's availability or connection duration is changed"
            raise SettingError("target", self.target, accepts)

    def replaced(self, direction: Direction) -> ReplaceFaults | None:
        """Return what is replaced in one direction."""
        return self.upstream if direction is Direction.UPSTREAM else self.downstream

    @property
    def changes_faults(self) -> bool:
        """Whether faults are replaced in any direction."""
        return self.upstream is not None or self.downstream is not None

    def then(self, later: Override) -> Override:
        """Return what has the effect of this and, on top of it, of a later one."""
        upstream = downstream = _then(self.upstream, later.upstream)
        if self.upstream != self.downstream or later.upstream != later.downstream:
            downstream = _then(self.downstream, later.downstream)  # otherwise both share one value
        return Override(
            upstream=upstream,
            downstream=downstream,
            availability=self.availability if later.availability is None else later.availability,
            connection_duration_s=self.connection_duration_s
            if later.connection_duration_s is None
            else later.connection_duration_s,
        )

    def faults(self, direction: Direction) -> Faults:
        """Return the faults that are there once it is applied to no faults."""
        replaced = self.replaced(direction)
        return NO_FAULTS if replaced is None else replaced.faults


NOTHING = Override()
"""The override that leaves everything alone."""


def require_ttl(ttl_s: float) -> None:
    """Check a time to live.

    Raises:
        SettingError: If it is not a number of seconds, or not more than 0.
    """
    require_seconds("ttl_s", ttl_s)
    if not ttl_s:
        raise SettingError("ttl_s", ttl_s, "a number of seconds, more than 0")


Compose = Callable[[Override, Override], Override]


class PermanentChanges:
    """Permanent changes between two overrides: for connections to come, and for live ones that differ."""

    __slots__ = ("new", "own")

    def __init__(self, new: Override = NOTHING, own: dict[str, Override] | None = None) -> None:
        self.new = new
        self.own: dict[str, Override] = {} if own is None else own

    def of(self, id: str) -> Override:
        """Return what holds for one connection."""
        return self.own.get(id, self.new)

    def put(self, override: Override, live: Collection[str], compose: Compose) -> None:
        """Put a change on top.

        Args:
            override: The change.
            live: The ids of the open connections.
            compose: ``Override.then``, or what returns the same.
        """
        target = override.target
        if target == NEW and override.changes_faults:
            # The open connections keep what they have, and no longer follow what is for those to come.
            self.own = {id: self.of(id) for id in live}
        if target in (ALL, NEW):
            self.new = compose(self.new, override)
        if target == ALL:
            self.own = {id: compose(value, override) for id, value in self.own.items()}
        elif target == LIVE:
            self.own = {id: compose(self.of(id), override) for id in live}
        elif target != NEW:
            self.own[target] = compose(self.of(target), override)

    def put_all(self, later: PermanentChanges, compose: Compose) -> None:
        """Put those that lie above on top of these."""
        if later.new is NOTHING and not later.own:
            return  # nearly always, and there may be ten thousand connections
        own = {id: compose(self.of(id), later.of(id)) for id in {**self.own, **later.own}}
        self.new, self.own = compose(self.new, later.new), own


@dataclass(slots=True)
class _Layer:
    id: str
    override: Override
    above: PermanentChanges


class Overrides:
    """Keep the overrides of one proxy, and compute what is in force.

    Args:
        base: What connections start with.
        availability: Whether new connections are accepted.
    """

    def __init__(self, base: Defaults, availability: Availability = Availability.UP) -> None:
        self._base = PermanentChanges(complete(base, availability))
        self._layers: list[_Layer] = []
        # Connections that share what lies below share what is in force: one object for thousands of them. By
        # identity; what is kept as the value also keeps the identities valid.
        self._composed: dict[tuple[int, int], tuple[Override, Override, Override]] = {}

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[tuple[str, Override]]:
        """Yield the overrides that can be reverted, the oldest first, each with its id."""
        return iter([(layer.id, layer.override) for layer in self._layers])

    def get(self, id: str) -> Override | None:
        """Return the override of that id, or ``None``."""
        return next((layer.override for layer in self._layers if layer.id == id), None)

    def in_force(self, connection: str | None = None) -> Override:
        """Return the faults and all else that are in force, as an override of everything.

        Args:
            connection: Of which open connection; ``None`` means of those to come.
        """
        value = self._base.new if connection is None else self._base.of(connection)
        for layer in self._layers:
            if layer.override.target in (ALL, connection):
                value = self._compose(value, layer.override)
            above = layer.above
            value = self._compose(value, above.new if connection is None else above.of(connection))
        return value

    def add(self, id: str, override: Override) -> None:
        """Put an override on top that can be reverted.

        Args:
            id: A new one.
            override: For ``ALL``, or one open connection.

        Raises:
            SettingError: If it is for other targets, or the id is taken.
        """
        if override.target in (LIVE, NEW):
            raise SettingError("target", override.target, f"{ALL!r}, or the id of a connection")
        if self.get(id) is not None:
            raise SettingError("id", id, "an id that no other override has")
        self._composed.clear()
        self._layers.append(_Layer(id, override, PermanentChanges()))

    def keep(self, override: Override, live: Collection[str]) -> None:
        """Put a permanent change on top.

        Args:
            override: The change.
            live: The ids of the open connections.
        """
        self._composed.clear()
        self._top.put(override, live, self._compose)

    def remove(self, id: str) -> Override:
        """Take an override back, and return it. What is permanent above it stays, and sinks.

        Raises:
            OverrideNotFound: If there is none of that id.
        """
        self._composed.clear()
        index = self._index(id)
        layer = self._layers.pop(index)
        self._below(index).put_all(layer.above, self._compose)
        return layer.override

    def settle(self, id: str) -> None:
        """Make an override permanent: what is in force stays the same.

        Raises:
            OverrideNotFound: If there is none of that id.
        """
        self._composed.clear()
        index = self._index(id)
        layer = self._layers.pop(index)
        below = self._below(index)
        below.put(layer.override, (), self._compose)
        below.put_all(layer.above, self._compose)

    def availability(self, without: str = "") -> Availability:
        """Return whether new connections are accepted.

        Args:
            without: The id of an override that is taken for gone.
        """
        asked = [self._base.new.availability]
        for layer in self._layers:
            asked += [layer.override.availability] if layer.id != without else []
            asked.append(layer.above.new.availability)
        return next(each for each in reversed(asked) if each is not None)

    def forget_ended(self, live: Collection[str]) -> None:
        """Drop what concerned connections that have ended.

        Args:
            live: The ids of the open connections; asked for membership.
        """
        ended = [id for id, each in self if each.target != ALL and each.target not in live]
        for id in ended:
            self.remove(id)
        for changes in (self._base, *(layer.above for layer in self._layers)):
            if len(changes.own) > 2 * len(live) + 64:  # now and then: to look at each costs time
                changes.own = {id: value for id, value in changes.own.items() if id in live}

    def copy(self) -> Overrides:
        """Return what later calls on these do not change."""
        twin = object.__new__(Overrides)
        twin._base = _copied(self._base)
        twin._layers = [_Layer(each.id, each.override, _copied(each.above)) for each in self._layers]
        twin._composed = {}
        return twin

    @property
    def _top(self) -> PermanentChanges:
        return self._below(len(self._layers))

    def _below(self, index: int) -> PermanentChanges:
        return self._layers[index - 1].above if index else self._base

    def _index(self, id: str) -> int:
        for index, layer in enumerate(self._layers):
            if layer.id == id:
                return index
        raise OverrideNotFound(id)

    def _compose(self, value: Override, later: Override) -> Override:
        if later is NOTHING:
            return value
        key = (id(value), id(later))
        found = self._composed.get(key)
        if found is None:
            found = self._composed[key] = (value.then(later), value, later)
        return found[0]


def complete(defaults: Defaults, availability: Availability | None = None, target: str = ALL) -> Override:
    """Return the override that replaces everything by what these defaults say."""
    upstream = ReplaceFaults(None, defaults.upstream)
    is_alike = defaults.upstream == defaults.downstream
    return Override(
        target=target,
        upstream=upstream,
        downstream=upstream if is_alike else ReplaceFaults(None, defaults.downstream),
        availability=availability,
        connection_duration_s=defaults.connection_duration_s,
    )


def defaults_of(override: Override) -> Defaults:
    """Return the defaults that an override of everything sets."""
    return Defaults(
        upstream=override.faults(Direction.UPSTREAM),
        downstream=override.faults(Direction.DOWNSTREAM),
        connection_duration_s=override.connection_duration_s or 0.0,
    )


def _then(earlier: ReplaceFaults | None, later: ReplaceFaults | None) -> ReplaceFaults | None:
    if later is None:
        return earlier
    return later if earlier is None else earlier.then(later)


def _copied(changes: PermanentChanges) -> PermanentChanges:
    return PermanentChanges(changes.new, dict(changes.own))
