"""How the state of connections, of defaults and of the proxy itself is shown."""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from msgspec import UNSET

from trixter.api import replies
from trixter.faults import CALM, Corrupt, Direction, Faults, Hold, Latency, Slice, Terminate, Throttle
from trixter.settings import Defaults

if TYPE_CHECKING:
    from trixter.proxy import Connection, Proxy

_NS_PER_S = 1_000_000_000

# Connections share their faults in practice (the defaults, or one call for all), so a few descriptions
# serve thousands of them. More than anybody sets one by one, and a megabyte at most.
DESCRIPTIONS_KEPT = 1024


class Description(NamedTuple):
    """The faults of one direction, as the API shows them."""

    everything: replies.AllFaults
    on: replies.FaultsOn
    delay_s: float


@lru_cache(maxsize=DESCRIPTIONS_KEPT)
def describe(faults: Faults) -> Description:
    """Return how one direction's faults are shown; of several of one kind, the first."""
    latency = faults.find(Latency) or Latency()
    throttle = faults.find(Throttle) or Throttle()
    slicing = faults.find(Slice) or Slice()
    terminate = faults.find(Terminate) or Terminate()
    corrupt = faults.find(Corrupt) or Corrupt()
    hold = faults.find(Hold) or Hold()
    everything = replies.AllFaults(
        delay=replies.Delay(_ms(latency.delay_s), _ms(latency.jitter_s)),
        throttle=replies.Throttle(_whole(throttle.rate_bytes_per_s), throttle.queue_bytes or UNSET),
        slice=replies.Slice(slicing.size_bytes, slicing.variation_bytes, _ms(slicing.gap_s)),
        termination=replies.Termination(float(terminate.probability)),
        corruption=replies.Corruption(float(corrupt.probability), corrupt.mode.value),
        hold=replies.Hold(hold.is_on),
    )
    on = replies.FaultsOn(
        delay=UNSET if latency.is_off else everything.delay,
        throttle=UNSET if throttle.is_off else everything.throttle,
        slice=UNSET if slicing.is_off else everything.slice,
        termination=UNSET if terminate.is_off else everything.termination,
        corruption=UNSET if corrupt.is_off else everything.corruption,
        hold=UNSET if hold.is_off else everything.hold,
    )
    return Description(everything, on, latency.delay_s)


def status_of(connection: Connection) -> replies.Status:
    """Return how one connection is shown."""
    if connection.is_open:
        up, down = connection.pipe(Direction.UPSTREAM), connection.pipe(Direction.DOWNSTREAM)
        to, back = describe(up.faults), describe(down.faults)
        passed_bytes = replies.PerDirection(up.forwarded_bytes, down.forwarded_bytes)
        held_bytes = replies.PerDirection(up.held_bytes, down.held_bytes)
    else:
        to = back = describe(CALM)
        passed_bytes = held_bytes = replies.PerDirection(0, 0)
    most, least = to.everything, back.everything
    return replies.Status(
        conn_info=replies.ConnInfo(connection.id, connection.client, connection.upstream),
        delay=_duration(max(to.delay_s, back.delay_s)),
        throttle_rate=ceil(max(most.throttle.rate_bytes, least.throttle.rate_bytes)),
        slice_size=max(most.slice.size_bytes, least.slice.size_bytes),
        terminate_probability_rate=max(most.termination.probability_rate, least.termination.probability_rate),
        corrupt_probability_rate=max(most.corruption.probability_rate, least.corruption.probability_rate),
        age_ms=int(connection.age_s * 1000),
        bytes=passed_bytes,
        held_bytes=held_bytes,
        faults=replies.FaultsPerDirection(to.on, back.on),
        state="open" if connection.is_open else "dialling",
    )


def defaults_reply(defaults: Defaults) -> replies.DefaultsReply:
    """Return how the defaults are shown."""
    return replies.DefaultsReply(
        describe(defaults.upstream).everything,
        describe(defaults.downstream).everything,
        _ms(defaults.duration_s),
    )


def proxy_reply(proxy: Proxy) -> replies.ProxyReply:
    """Return how the proxy itself is shown."""
    registry = proxy.registry
    stats = replies.Stats(
        registry.accepted,
        len(registry),
        replies.PerDirection(*(registry.forwarded_bytes(direction) for direction in Direction)),
        dict(registry.ended),
        len(registry.dialling),
    )
    return replies.ProxyReply(proxy.listen_addresses, str(proxy.upstream), proxy.door.value, stats)


def _ms(seconds: float) -> replies.Number:
    # To the nanosecond: 0.29 s is 290 ms, not 289.99999999999994.
    return _whole(round(seconds * 1000.0, 6))


def _whole(number: float) -> replies.Number:
    return int(number) if number == int(number) else number


def _duration(seconds: float) -> replies.Duration:
    whole = int(seconds)
    carry, nanos = divmod(round((seconds - whole) * _NS_PER_S), _NS_PER_S)
    return replies.Duration(whole + carry, nanos)
