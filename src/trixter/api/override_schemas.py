"""Schemas of overrides: their JSON form in requests and in replies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from trixter.api.schemas import FAULT_BODIES, AvailabilityName, Body, FaultBody, Number, Whole
from trixter.control.info import OverrideInfo
from trixter.control.overrides import ALL, LONGEST_NAME, Override, ReplaceFaults
from trixter.errors import SettingError
from trixter.faults import Direction, Fault, Faults
from trixter.faults.catalogue import ENTRIES
from trixter.faults.entry import MILLISECONDS
from trixter.settings import Availability

# The first is no dot: clients take `.` and `..` out of a URL. And Python's `$` matches before a newline, too.
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$(?!\n)")]

# More than a network is made of. Each is a stage in every connection, and a body has room for thousands.
MOST_OF_ONE_KIND = 100
Several = Meta(min_length=1, max_length=MOST_OF_ONE_KIND)


class FaultsFields(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The faults to set in one direction, or in both: each in place of its kind; a list sets several."""

    clear: Annotated[bool, Meta(description="all faults that are not named here go as well")] = False

    def replaced(self, direction: Direction | None = None) -> ReplaceFaults | None:
        """Return the replacement; ``None`` if nothing is replaced.

        Args:
            direction: Only the faults that fit this direction; ``None`` means all.

        Raises:
            SettingError: If a setting is outside its range, or a direction is given.
        """
        given = (body.fault() for body in self._bodies())
        faults = [fault for fault in given if direction is None or fault.fits(direction)]
        if not faults and not self.clear:
            return None
        keys = tuple(dict.fromkeys((type(fault), fault.name or None) for fault in faults))
        return ReplaceFaults(None if self.clear else keys, Faults(*faults))

    def _bodies(self) -> list[FaultBody]:
        bodies: list[FaultBody] = []
        for stem in FAULT_BODIES:
            given = getattr(self, stem)
            if given is not UNSET:
                bodies += given if isinstance(given, list) else [given]
        for body in bodies:
            if body.direction != "both":
                raise SettingError("direction", body.direction, "left out here: the field around it says it")
        return bodies


if TYPE_CHECKING:
    FaultsBody = FaultsFields
else:
    FaultsBody = msgspec.defstruct(
        "FaultsBody",
        [
            (stem, body | Annotated[list[body], Several] | UnsetType, UNSET)
            for stem, body in FAULT_BODIES.items()
        ],
        bases=(FaultsFields,),
        module=__name__,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )
    """``FaultsFields``, with a field for each fault."""


class OverrideBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change that can be reverted; what is left out stays as it is."""

    target: Annotated[
        str, Meta(description="`_all`: live connections and those to come; or the id of a connection")
    ] = ALL
    both: FaultsBody | UnsetType = UNSET
    upstream: FaultsBody | UnsetType = UNSET
    downstream: FaultsBody | UnsetType = UNSET
    availability: AvailabilityName | UnsetType = UNSET
    connection_duration_ms: Annotated[Whole, Meta(description="0 means no end")] | UnsetType = UNSET
    quiet: Annotated[
        bool, Meta(description="all else is suspended meanwhile: no faults, and new connections are accepted")
    ] = False
    name: Annotated[str, Meta(description="what it is called in listings", max_length=LONGEST_NAME)] = ""
    ttl_ms: Annotated[int, Meta(ge=1, description="it is reverted after that time")] | UnsetType = UNSET
    id: Annotated[Id, Meta(description="the id it is to have; left out, the proxy chooses")] | UnsetType = (
        UNSET
    )

    def override(self) -> Override:
        """Return the override that the body describes.

        Raises:
            SettingError: If a setting is outside its range, or for another target.
        """
        replaced = {direction: self._replaced(direction) for direction in Direction}
        duration_ms = self.connection_duration_ms
        return Override(
            target=self.target,
            upstream=replaced[Direction.UPSTREAM],
            downstream=replaced[Direction.DOWNSTREAM],
            availability=None if self.availability is UNSET else Availability(self.availability),
            connection_duration_s=None if duration_ms is UNSET else duration_ms / 1000,
            is_quiet=self.quiet,
            name=self.name,
            ttl_s=None if self.ttl_ms is UNSET else self.ttl_ms / 1000,
        )

    def _replaced(self, direction: Direction) -> ReplaceFaults | None:
        own = self.upstream if direction is Direction.UPSTREAM else self.downstream
        both_replaced = None if self.both is UNSET else self.both.replaced(direction)
        own_replaced = None if own is UNSET else own.replaced()
        if both_replaced is None or own_replaced is None:
            found: ReplaceFaults | None = both_replaced or own_replaced
            return found
        on_top: ReplaceFaults = both_replaced.then(own_replaced)
        return on_top


class TtlBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The time that an override lives, from now on."""

    ttl_ms: Annotated[int, Meta(ge=1)]


class IdReply(Struct, frozen=True):
    """The id of an override."""

    id: str


class OverrideReply(Struct, frozen=True, kw_only=True):
    """An override that is active."""

    id: str
    target: str
    name: str
    expires_in_ms: Number | None
    both: FaultsBody | UnsetType = UNSET
    upstream: FaultsBody | UnsetType = UNSET
    downstream: FaultsBody | UnsetType = UNSET
    availability: AvailabilityName | UnsetType = UNSET
    connection_duration_ms: Number | UnsetType = UNSET
    quiet: bool | UnsetType = UNSET


def shown(info: OverrideInfo) -> dict[str, Any]:
    """Return the shown form of an active override: the fields of ``OverrideReply``."""
    left_s = info.expires_in_s
    return {
        "id": info.id,
        "target": info.override.target,
        "name": info.override.name,
        "expires_in_ms": None if left_s is None else round(left_s * 1000),
        **changes_of(info.override),
    }


def changes_of(override: Override) -> dict[str, Any]:
    """Return the changes of an override, as the fields of an ``OverrideBody``."""
    fields: dict[str, Any] = {}
    if override.upstream == override.downstream:
        replaced: Mapping[str, ReplaceFaults | None] = {"both": override.upstream}
    else:
        replaced = {"upstream": override.upstream, "downstream": override.downstream}
    fields |= {where: _fields_of(each) for where, each in replaced.items() if each is not None}
    if override.availability is not None:
        fields["availability"] = override.availability.value
    if override.connection_duration_s is not None:
        fields["connection_duration_ms"] = MILLISECONDS.of(override.connection_duration_s)
    if override.is_quiet:
        fields["quiet"] = True
    return fields


def _fields_of(replaced: ReplaceFaults) -> dict[str, Any]:
    """Return a replacement, as the fields of a ``FaultsBody``."""
    by_stem: dict[str, list[dict[str, Any]]] = {}
    for kind, name in replaced.keys or ():
        if not any(isinstance(each, kind) and name in (None, each.name) for each in replaced.faults):
            by_stem.setdefault(ENTRIES[kind].stem, []).append(settings_of(kind(name=name or "")))
    for fault in replaced.faults:
        by_stem.setdefault(ENTRIES[type(fault)].stem, []).append(settings_of(fault))
    fields: dict[str, Any] = {"clear": True} if replaced.keys is None else {}
    return fields | {stem: each[0] if len(each) == 1 else each for stem, each in by_stem.items()}


def settings_of(fault: Fault) -> dict[str, Any]:
    """Return the settings of a fault as requests set them; a fault that is off switches its kind off."""
    return ENTRIES[type(fault)].shown(fault)
