"""The arguments of ``@pytest.mark.chaos``: the faults that a test asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from trixter.control.fault_methods import AnyDirection, directions_of
from trixter.errors import SettingError
from trixter.faults import CATALOGUE, Direction, Fault
from trixter.faults.entry import Entry
from trixter.profiles import Profile
from trixter.settings import Defaults

FindProfile = Callable[[str], Profile]
"""Finds a profile by its name, or raises ``SettingError``."""

FAULT_WORDS: Mapping[str, Entry] = {entry.name: entry for entry in CATALOGUE}
"""The keywords of faults. Each sets what the method of that name takes first."""


def with_conditions(
    defaults: Defaults,
    find_profile: FindProfile,
    *faults: Fault,
    profile: str | None = None,
    duration: float | None = None,
    direction: AnyDirection = None,
    **words: Any,
) -> Defaults:
    """Return defaults with what was asked for added to them.

    Args:
        defaults: What was asked for before.
        find_profile: Finds a profile by its name.
        *faults: With all their settings, such as ``Latency(delay_s=0.2, jitter_s=0.1)``.
        profile: Exactly the faults of that name, in place of those before; the others come on top.
        duration: Seconds after which a connection is reset.
        direction: Of all of these but the profile, which brings its own.
        **words: ``latency=0.25`` and so on: ``FAULT_WORDS``. ``None`` is as if a word was not said.

    Raises:
        SettingError: If there is no such word, profile or direction, or a setting is outside its range.
    """
    unknown = next((word for word in words if word not in FAULT_WORDS), None)
    if unknown is not None:
        known = ", ".join([*FAULT_WORDS, "profile", "duration", "direction"])
        raise SettingError("chaos", unknown, f"made of faults and these words: {known}")
    if profile is not None:
        defaults = with_profile(defaults, find_profile(profile))
    if duration is not None:
        defaults = replace(defaults, connection_duration_s=duration)
    said = (FAULT_WORDS[word].with_first(value) for word, value in words.items() if value is not None)
    for fault in [*faults, *said]:
        if not isinstance(fault, Fault):
            raise SettingError("chaos", fault, "made of faults, such as Latency(delay_s=0.25), and of words")
        for each in directions_of(direction):
            defaults = defaults.with_faults(each, defaults.faults(each).with_fault(fault))
    return defaults


def with_profile(defaults: Defaults, profile: Profile) -> Defaults:
    """Return defaults with exactly the faults of a profile."""
    for direction in Direction:
        defaults = defaults.with_faults(direction, profile.faults(direction))
    return defaults
