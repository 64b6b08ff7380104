"""Profiles: networks that have a name, as data.

``published.toml`` holds networks with published numbers, and their source; users have files of their own, in
the same form (``[profiles.my-office]``), named by ``TRIXTER_PROFILES`` or passed.

A profile becomes faults: half of the round trip is the latency of each direction, the rates are throttles.
Loss is recorded and not imitated. A TCP proxy forwards streams between two TCP connections: it has no
segments to drop, and in the stream of a real network a loss is a delay, not a gap.
"""

from __future__ import annotations

from trixter.profiles.loader import (
    FILE_VARIABLE,
    all_profiles,
    find_profile,
    pick_profile,
    published_profiles,
    read_profiles,
)
from trixter.profiles.profile import Profile

__all__ = [
    "FILE_VARIABLE",
    "Profile",
    "all_profiles",
    "find_profile",
    "pick_profile",
    "published_profiles",
    "read_profiles",
]
