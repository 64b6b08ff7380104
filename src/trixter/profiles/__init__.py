"""Profiles."""

from __future__ import annotations

from trixter.profiles.profile import Profile

__all__ = ["Profile", "find_profile"]


def find_profile(name: str) -> Profile:
    """Find it."""
    raise NotImplementedError
