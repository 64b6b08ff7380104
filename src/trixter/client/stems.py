"""The units of the API: what it cannot be told is refused before anything is sent."""

from __future__ import annotations

from trixter.api.overrides import STEMS
from trixter.control import Override
from trixter.errors import SettingError
from trixter.faults import Fault, Latency, Throttle


def whole_ms(name: str, seconds: float) -> int:
    """Return a time in whole milliseconds.

    Raises:
        SettingError: If it is none.
    """
    milliseconds = round(seconds * 1000, 6)
    if milliseconds != int(milliseconds):
        raise SettingError(name, seconds, "a whole number of milliseconds, over the API")
    return int(milliseconds)


def require_tellable(override: Override) -> None:
    """Check an override.

    Raises:
        SettingError: If the API has no words for its faults, or counts in larger units.
    """
    for replaced in filter(None, (override.upstream, override.downstream)):
        for kind in (*(kind for kind, _ in replaced.keys or ()), *map(type, replaced.faults)):
            if kind not in STEMS:
                accepts = f"of {', '.join(map(_name_of, STEMS))}, over the API"
                raise SettingError("faults", kind.__name__, accepts)
        for fault in replaced.faults:
            _require_whole_units(fault)
    if override.connection_duration_s is not None:
        whole_ms("duration_s", override.connection_duration_s)
    if override.ttl_s is not None:
        whole_ms("ttl_s", override.ttl_s)


def _require_whole_units(fault: Fault) -> None:
    if isinstance(fault, Latency):
        whole_ms("delay_s", fault.delay_s)
    if isinstance(fault, Throttle) and fault.rate_bytes_per_s != int(fault.rate_bytes_per_s):
        accepts = "a whole number of bytes per second, over the API"
        raise SettingError("rate_bytes_per_s", fault.rate_bytes_per_s, accepts)


def _name_of(kind: type[Fault]) -> str:
    return kind.__name__
