"""Overrides: changes of a proxy, kept beside their base, so that each can be reverted.

    in force  =  base, then permanent changes, then override, then permanent changes, then override, …
                 └──── one value each for new connections and, where it differs, for a live one ────────┘

What is in force is computed, never stored: whatever the order of apply and revert, it is the fold of the
active overrides, the oldest first, unless one of them is quiet: that suspends all others. A permanent change
is an override that is never reverted. It is merged into the permanent changes above the youngest override.
When that is reverted, they are merged into the layer below: so there are never more layers than active
overrides.

Pure: no clock, no socket, no proxy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trixter.errors import OverrideNotFound, SettingError
from trixter.faults import NO_FAULTS, Direction, Fault, Faults
from trixter.faults.faults import as_faults
from trixter.faults.validators import normalize, positive_seconds_of, seconds_of
from trixter.settings import Availability, Defaults, require_availability
from trixter.units import Seconds

ALL = "_all"
"""The target of an override: every live connection, and new ones."""

LIVE = "_live"
"""The target of a permanent change: every connection that is open now."""

NEW = "_new"
"""The target of a permanent change: new connections."""

# Looking one up in its enum takes as long as a call.
UPSTREAM, DOWNSTREAM = Direction

LONGEST_NAME = 100
"""The most characters that the name of an override may have."""

FaultKey = tuple[type[Fault], str | None]
"""A kind of fault and a name; ``None`` stands for every name."""


@dataclass(frozen=True, slots=True)
class ReplaceFaults:
    """A replacement of the faults with some keys by others, in one direction.

    Args:
        keys: The faults to remove; ``None`` means all of them.
        faults: The faults to add.
    """

    keys: tuple[FaultKey, ...] | None
    faults: Faults = NO_FAULTS

    @classmethod
    def one(cls, fault: Fault) -> ReplaceFaults:
        """Replace the faults of the same kind or, if this one has a name, the one of that name."""
        return cls(((type(fault), fault.name or None),), Faults(fault))

    @classmethod
    def everything(cls, *faults: Fault) -> ReplaceFaults:
        """Replace all faults by exactly these."""
        return cls(None, Faults(*faults))

    def applied_to(self, faults: Faults) -> Faults:
        """Return the faults that result from applying it to these."""
        return Faults(*(fault for fault in faults if not self._concerns(fault)), *self.faults)

    def then(self, later: ReplaceFaults) -> ReplaceFaults:
        """Return one with the effect of this one and, on top of it, of a later one."""
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
    """A change of faults, availability or connection duration; ``None`` leaves a setting alone.

    Args:
        target: ``ALL``, or the id of one connection; permanent changes also take ``LIVE`` and ``NEW``.
        upstream: The replacement in the direction to the upstream.
        downstream: The replacement in the direction to the client.
        availability: Whether new connections are accepted.
        connection_duration_s: The age at which new connections are reset; 0 means never.
        is_quiet: Whether all else is suspended while it is active, older and newer: then there are no faults,
            and new connections are accepted.
        name: Its name in listings, of at most 100 characters.
        ttl_s: Seconds until it is reverted, unless it is renewed; ``None`` means never. Only for a proxy that
            runs: for another, no time passes.

    Raises:
        SettingError: If a value is outside its range, a fault cannot be set in its direction, a setting is
            the proxy's and the target is one connection, or something is changed beside ``is_quiet``.
    """

    target: str = ALL
    upstream: ReplaceFaults | None = None
    downstream: ReplaceFaults | None = None
    availability: Availability | None = None
    connection_duration_s: float | None = None
    is_quiet: bool = False
    name: str = ""
    ttl_s: float | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            target: str = ALL,
            upstream: ReplaceFaults | None = None,
            downstream: ReplaceFaults | None = None,
            availability: Availability | None = None,
            connection_duration_s: Seconds | None = None,
            is_quiet: bool = False,
            name: str = "",
            ttl_s: Seconds | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        for direction in Direction:
            as_faults(self.faults(direction), direction)
        if self.availability is not None:
            require_availability(self.availability)
        if self.connection_duration_s is not None:
            normalize(self, "connection_duration_s", seconds_of)
        if self.ttl_s is not None:
            normalize(self, "ttl_s", positive_seconds_of)
        if not isinstance(self.name, str) or len(self.name) > LONGEST_NAME:
            raise SettingError("name", self.name, f"text of at most {LONGEST_NAME} characters")
        is_for_a_proxy = self.availability is not None or self.connection_duration_s is not None
        if self.is_quiet and (is_for_a_proxy or self.upstream is not None or self.downstream is not None):
            raise SettingError("is_quiet", True, "left out where something else is changed")
        if (is_for_a_proxy or self.is_quiet) and self.target not in (ALL, NEW):
            accepts = f"{ALL!r} where the proxy as a whole is changed"
            raise SettingError("target", self.target, accepts)

    def replaced(self, direction: Direction) -> ReplaceFaults | None:
        """Return the replacement in one direction."""
        return self.upstream if direction is Direction.UPSTREAM else self.downstream

    @property
    def changes_faults(self) -> bool:
        """Whether faults are replaced in any direction, or all suspended."""
        return self.upstream is not None or self.downstream is not None or self.is_quiet

    def then(self, later: Override) -> Override:
        """Return one with the effect of this one and, on top of it, of a later one."""
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
        """Return the faults that result from applying it to no faults."""
        replaced = self.upstream if direction is UPSTREAM else self.downstream
        return NO_FAULTS if replaced is None else replaced.faults


NOTHING = Override()
"""The override that leaves everything alone."""

QUIET = Override(
    upstream=ReplaceFaults(None),
    downstream=ReplaceFaults(None),
    availability=Availability.UP,
    connection_duration_s=0.0,
)
"""The override of every setting by that of a good network."""


Compose = Callable[[Override, Override], Override]


class PermanentChanges:
    """Permanent changes between two overrides: for new connections, and for live ones that differ."""

    __slots__ = ("new", "own")

    def __init__(self, new: Override = NOTHING, own: dict[str, Override] | None = None) -> None:
        self.new = new
        self.own: dict[str, Override] = {} if own is None else own

    def of(self, id: str) -> Override:
        """Return the changes for one connection."""
        return self.own.get(id, self.new)

    def put(self, override: Override, live: Collection[str], compose: Compose) -> None:
        """Add a change on top.

        Args:
            override: The change.
            live: The ids of the open connections.
            compose: ``Override.then``, or a cache of it.
        """
        target = override.target
        if target == NEW and override.changes_faults:
            # The open connections keep their faults, and no longer follow those of new ones.
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
        """Add the changes of the layer above on top of these."""
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
    """The overrides of one proxy, and what is in force.

    Args:
        base: The defaults of new connections, without overrides.
        availability: Whether new connections are accepted.
    """

    def __init__(self, base: Defaults, availability: Availability = Availability.UP) -> None:
        self._base = PermanentChanges(complete(base, availability))
        self._layers: list[_Layer] = []
        # Connections with the same layers share one result: one object for thousands of them. The keys are
        # identities; the value keeps the objects alive, and so the identities valid.
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
        """Return what is in force, as an override of every setting.

        Args:
            connection: The id of an open connection; ``None`` means new connections.
        """
        value = self._base.new if connection is None else self._base.of(connection)
        for layer in self._layers:
            if layer.override.target in (ALL, connection):
                value = self._compose(value, layer.override)
            above = layer.above
            value = self._compose(value, above.new if connection is None else above.of(connection))
        return self._compose(value, QUIET) if self.is_quiet() else value

    def is_quiet(self, without: str = "") -> bool:
        """Return whether all else is suspended.

        Args:
            without: The id of an override to leave out.
        """
        return any(layer.override.is_quiet and layer.id != without for layer in self._layers)

    def add(self, id: str, override: Override) -> None:
        """Add an override on top that can be reverted.

        Args:
            id: Its id, which no other override has.
            override: Its target is ``ALL``, or one open connection.

        Raises:
            SettingError: If it has another target, or the id is taken.
        """
        if override.target in (LIVE, NEW):
            raise SettingError("target", override.target, f"{ALL!r}, or the id of a connection")
        if self.get(id) is not None:
            raise SettingError("id", id, "an id that no other override has")
        self._composed.clear()
        self._layers.append(_Layer(id, override, PermanentChanges()))

    def keep(self, override: Override, live: Collection[str]) -> None:
        """Add a permanent change on top.

        Args:
            override: The change.
            live: The ids of the open connections.
        """
        self._composed.clear()
        self._top.put(override, live, self._compose)

    def remove(self, id: str) -> Override:
        """Revert an override, and return it. The permanent changes above it stay: they join the layer below.

        Raises:
            OverrideNotFound: If there is no override of that id.
        """
        self._composed.clear()
        index = self._index(id)
        layer = self._layers.pop(index)
        self._below(index).put_all(layer.above, self._compose)
        return layer.override

    def settle(self, id: str) -> None:
        """Make an override permanent, unless it is quiet: what is in force stays the same.

        Raises:
            OverrideNotFound: If there is no override of that id.
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
            without: The id of an override to leave out.
        """
        if self.is_quiet(without):
            return Availability.UP
        asked = [self._base.new.availability]
        for layer in self._layers:
            asked += [layer.override.availability] if layer.id != without else []
            asked.append(layer.above.new.availability)
        return next(each for each in reversed(asked) if each is not None)

    def forget_ended(self, live: Collection[str]) -> None:
        """Drop the overrides and changes of connections that have ended.

        Args:
            live: The ids of the open connections; only membership is tested.
        """
        ended = [id for id, each in self if each.target != ALL and each.target not in live]
        for id in ended:
            self.remove(id)
        for changes in (self._base, *(layer.above for layer in self._layers)):
            if len(changes.own) > 2 * len(live) + 64:  # not each time: to test each id takes time
                changes.own = {id: value for id, value in changes.own.items() if id in live}

    def copy(self) -> Overrides:
        """Return an independent copy."""
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
    """Return the override that replaces every setting by that of these defaults."""
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
    """Return the defaults that an override of every setting stands for."""
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
