"""Profiles: networks that have a name, as data.

``published.toml`` holds those that others have published numbers of, with their source; users have files of
their own, in the same form (``[profiles.my-office]``), named by ``TRIXTER_PROFILES`` or passed.

A profile becomes faults: half of the round trip is the latency of each direction, the rates are throttles.
Loss is recorded and not imitated. A TCP proxy stands between two TCP connections and hands on streams: it
has no segments to drop, and on the stream of a real network a loss is a delay, not a hole.
"""

from __future__ import annotations

from trixter.profiles.profile import Profile
from trixter.profiles.reading import (
    FILE_VARIABLE,
    all_profiles,
    find_profile,
    pick_profile,
    published_profiles,
    read_profiles,
)

__all__ = [
    "FILE_VARIABLE",
    "Profile",
    "all_profiles",
    "find_profile",
    "pick_profile",
    "published_profiles",
    "read_profiles",
]
