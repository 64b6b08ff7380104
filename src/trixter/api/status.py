"""Replies: the shown form of connections, defaults, the proxy itself and the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, reduce
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from msgspec import UNSET

from trixter.api import schemas
from trixter.faults import (
    CATALOGUE,
    NO_FAULTS,
    Corrupt,
    Direction,
    Fault,
    Faults,
    Latency,
    Slice,
    Terminate,
    Throttle,
)
from trixter.faults.entry import MILLISECONDS, Entry, Setting

if TYPE_CHECKING:
    from trixter.control.info import ProxyInfo
    from trixter.proxy import Connection
    from trixter.settings import Defaults

_NS_PER_S = 1_000_000_000

# Connections share their faults in practice (the defaults, or one call for all), so a few descriptions
# serve thousands of them. That is more than users set one by one, and a megabyte at most.
DESCRIPTIONS_KEPT = 1024

FaultT = TypeVar("FaultT", bound=Fault)


class Originals(NamedTuple):
    """The five numbers that the original shows of its faults: here, of one direction."""

    delay_s: float
    throttle_rate: float
    slice_size: int
    terminate_probability: float
    corrupt_probability: float


class Description(NamedTuple):
    """The faults of one direction, as the API shows them."""

    everything: schemas.AllFaults
    on: schemas.FaultsOn
    originals: Originals


@lru_cache(maxsize=DESCRIPTIONS_KEPT)
def describe(faults: Faults) -> Description:
    """Return the shown form of one direction's faults: the first of each kind by itself, others as more."""
    on: dict[str, Any] = {}
    more: dict[str, list[Any]] = {}
    for entry in CATALOGUE:
        first, *others = [_reply(entry, fault) for fault in _all(faults, entry.kind)] or [None]
        if first is not None:
            on[entry.stem] = first
        if others:
            more[entry.stem] = others
    if more:
        on["more"] = schemas.MoreFaults(**more)
    return Description(schemas.AllFaults(**(OFF | on)), schemas.FaultsOn(**on), _originals(faults))


def _reply(entry: Entry, fault: Fault) -> Any:
    return schemas.REPLIES[entry.stem](**entry.shown(fault))


def _originals(faults: Faults) -> Originals:
    """Return the original's numbers; several faults of one kind are combined, as they act independently."""
    return Originals(
        delay_s=sum(each.delay_s for each in _all(faults, Latency)),
        throttle_rate=min((each.rate_bytes_per_s for each in _all(faults, Throttle)), default=0),
        slice_size=min((each.size_bytes for each in _all(faults, Slice)), default=0),
        terminate_probability=_either(each.probability for each in _all(faults, Terminate)),
        corrupt_probability=_either(each.probability for each in _all(faults, Corrupt)),
    )


def _all(faults: Faults, kind: type[FaultT]) -> list[FaultT]:
    return [fault for fault in faults if isinstance(fault, kind)]


def _either(probabilities: Iterable[float]) -> float:
    """Return the probability that at least one of several independent events happens."""
    return reduce(lambda one, other: one + other - one * other, probabilities, 0.0)


OFF = {entry.stem: _reply(entry, entry.kind()) for entry in CATALOGUE}
"""The shown form of each fault that is off."""


def status_of(connection: Connection) -> schemas.Status:
    """Return the shown form of one connection."""
    # Read from the connection itself: by way of a ConnectionInfo, a listing would take twice as long.
    if connection.is_open:
        up, down = connection.pipe(Direction.UPSTREAM), connection.pipe(Direction.DOWNSTREAM)
        to, back = describe(up.faults), describe(down.faults)
        forwarded_bytes = schemas.PerDirection(up.forwarded_bytes, down.forwarded_bytes)
        held_bytes = schemas.PerDirection(up.held_bytes, down.held_bytes)
    else:
        to = back = describe(NO_FAULTS)
        forwarded_bytes = held_bytes = schemas.PerDirection(0, 0)
    greater = Originals._make(map(max, to.originals, back.originals))
    return schemas.Status(
        conn_info=schemas.ConnInfo(connection.id, connection.client, connection.upstream),
        delay=_duration(greater.delay_s),
        throttle_rate=ceil(greater.throttle_rate),
        slice_size=greater.slice_size,
        terminate_probability_rate=greater.terminate_probability,
        corrupt_probability_rate=greater.corrupt_probability,
        age_ms=int(connection.age_s * 1000),
        bytes=forwarded_bytes,
        held_bytes=held_bytes,
        faults=schemas.FaultsPerDirection(to.on, back.on),
        state="open" if connection.is_open else "dialling",
    )


def defaults_reply(defaults: Defaults) -> schemas.DefaultsReply:
    """Return the shown form of the defaults."""
    return schemas.DefaultsReply(
        describe(defaults.upstream).everything,
        describe(defaults.downstream).everything,
        MILLISECONDS.of(defaults.connection_duration_s),
    )


def proxy_reply(info: ProxyInfo) -> schemas.ProxyReply:
    """Return the shown form of the proxy itself."""
    counted = info.stats
    stats = schemas.Stats(
        counted.connections_accepted,
        counted.connections_open,
        schemas.PerDirection(counted.bytes_upstream, counted.bytes_downstream),
        dict(counted.ended),
        counted.connections_dialling,
    )
    return schemas.ProxyReply(list(info.listen), info.upstream, info.availability.value, stats)


def catalogue_reply() -> list[schemas.FaultReply]:
    """Return the shown form of the catalogue."""
    return [
        schemas.FaultReply(
            name=entry.name,
            stem=entry.stem,
            description=entry.summary,
            direction=entry.kind.direction.value if entry.kind.direction else UNSET,
            settings=[_setting_reply(entry, each) for each in entry.settings],
        )
        for entry in CATALOGUE
    ]


def _setting_reply(entry: Entry, setting: Setting) -> schemas.SettingReply:
    return schemas.SettingReply(
        name=setting.json_name,
        type=setting.takes.value,
        required=setting is entry.first,
        default=setting.to_json(entry.default(setting)),
        unit=setting.unit.name if setting.unit else UNSET,
        choices=[each.value for each in setting.choices] if setting.choices else UNSET,
        flag=setting.flag.name,
        description=setting.meaning,
    )


def _duration(seconds: float) -> schemas.Duration:
    whole = int(seconds)
    carry, nanos = divmod(round((seconds - whole) * _NS_PER_S), _NS_PER_S)
    return schemas.Duration(whole + carry, nanos)
