"""The arguments of ``@pytest.mark.chaos`` and of proxies: the faults that a test asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from trixter.control.fault_methods import AnyDirection, directions_of, meant_by
from trixter.errors import SettingError
from trixter.faults import CATALOGUE, Direction, Fault
from trixter.faults.entry import Entry
from trixter.faults.validators import short_seconds_of
from trixter.profiles import Profile
from trixter.settings import Defaults
from trixter.units import Seconds

FindProfile = Callable[[str], Profile]
"""Finds a profile by its name, or raises ``SettingError``."""

MARK_KEYWORDS: Mapping[str, Entry] = {entry.name: entry for entry in CATALOGUE}
"""The keywords of faults. Each sets the first argument of the method of that name."""

KEYWORDS = [*MARK_KEYWORDS, "profile", "connection_duration", "direction"]


def apply_mark(
    defaults: Defaults,
    find_profile: FindProfile,
    *faults: Fault,
    profile: str | Profile | None = None,
    connection_duration: Seconds | None = None,
    direction: AnyDirection = None,
    **keywords: Any,
) -> Defaults:
    """Return defaults with the arguments of one mark added to them.

    Args:
        defaults: The defaults after the marks before.
        find_profile: Finds a profile by its name.
        *faults: Faults with all their settings, such as ``Latency(delay_s=0.2, jitter_s=0.1)``.
        profile: Exactly its faults, in place of those before; the others come on top.
        connection_duration: Seconds after which a connection is reset; more than a minute is written with its
            unit.
        direction: The direction of all faults but the profile's, which brings its own.
        **keywords: ``latency=0.25`` and so on: ``MARK_KEYWORDS``. ``None`` is as if it was not given.

    Raises:
        SettingError: If there is no such keyword, profile or direction, or a setting is outside its range.
    """
    unknown = next((keyword for keyword in keywords if keyword not in MARK_KEYWORDS), None)
    if unknown is not None:
        meant = meant_by(unknown, KEYWORDS)
        keywords_text = f"keywords such as {meant}" if meant else f"these keywords: {', '.join(KEYWORDS)}"
        raise SettingError("chaos", unknown, f"made of faults and {keywords_text}")
    if profile is not None:
        defaults = with_profile(defaults, profile, find_profile)
    if connection_duration is not None:
        duration_s = short_seconds_of("connection_duration_s", connection_duration)
        defaults = replace(defaults, connection_duration_s=duration_s)
    given = (MARK_KEYWORDS[name].with_first(value) for name, value in keywords.items() if value is not None)
    for fault in [*faults, *given]:
        if not isinstance(fault, Fault):
            accepts = "made of faults, such as Latency(delay_s=0.25), and of keywords"
            raise SettingError("chaos", fault, accepts)
        for each in directions_of(fault.direction if direction is None else direction):
            defaults = defaults.with_faults(each, defaults.faults(each).with_fault(fault))
    return defaults


def with_profile(defaults: Defaults, profile: str | Profile, find_profile: FindProfile) -> Defaults:
    """Return defaults with exactly the faults of a profile."""
    found = profile if isinstance(profile, Profile) else find_profile(profile)
    for direction in Direction:
        defaults = defaults.with_faults(direction, found.faults(direction))
    return defaults
