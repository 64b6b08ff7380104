"""The loader of profiles: the published ones, and TOML files of users."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path

from trixter.errors import ProfileError, SettingError, os_error_text
from trixter.profiles.profile import KEYS_BY_NAME, Profile

FILE_VARIABLE = "TRIXTER_PROFILES"
"""The environment variable that names a file of profiles."""

PUBLISHED_FILE = "published.toml"

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
NAME_FORM = "lower case letters and digits, with dashes between them"


@cache
def published_profiles() -> Mapping[str, Profile]:
    """Return the profiles that come with trixter, by name."""
    text = files("trixter.profiles").joinpath(PUBLISHED_FILE).read_text(encoding="utf-8")
    return _parse(text, PUBLISHED_FILE)


def read_profiles(file: str | os.PathLike[str]) -> dict[str, Profile]:
    """Return the profiles of one TOML file, by name.

    Raises:
        ProfileError: If it cannot be read, or an entry is wrong; the error names the profile and the key.
    """
    try:
        text = Path(file).read_text(encoding="utf-8")
    except OSError as exc:
        raise ProfileError(os.fspath(file), "", f"cannot be read: {os_error_text(exc)}") from exc
    except UnicodeDecodeError as exc:
        raise ProfileError(os.fspath(file), "", "is no UTF-8 text") from exc
    profiles = _parse(text, os.fspath(file))
    for name in profiles:
        if name in published_profiles():
            raise ProfileError(os.fspath(file), f"profiles.{name}", "is the name of a published profile")
    return profiles


def all_profiles(file: str | os.PathLike[str] | None = None) -> dict[str, Profile]:
    """Return the published profiles, and then those of a file.

    Args:
        file: Its path; ``None`` means the file that the variable ``TRIXTER_PROFILES`` names, if it is set.

    Raises:
        ProfileError: As ``read_profiles``.
    """
    file = file or os.environ.get(FILE_VARIABLE)
    return {**published_profiles(), **(read_profiles(file) if file else {})}


def find_profile(name: str, file: str | os.PathLike[str] | None = None) -> Profile:
    """Return the profile of that name, of those that ``all_profiles`` returns.

    Raises:
        SettingError: If there is none.
        ProfileError: As ``read_profiles``.
    """
    if isinstance(name, str) and name in published_profiles():
        return published_profiles()[name]
    return pick_profile(name, all_profiles(file))


def pick_profile(name: str, profiles: Mapping[str, Profile]) -> Profile:
    """Return the profile of that name.

    Raises:
        SettingError: If there is none; the error lists similar names, or else all.
    """
    if not isinstance(name, str) or name not in profiles:
        raise _unknown(name, profiles)
    return profiles[name]


def _unknown(name: object, profiles: Iterable[str]) -> SettingError:
    """Return the error for an unknown name: it lists similar names, or else all.

    Args:
        name: The unknown name.
        profiles: The known names.
    """
    names = list(profiles)
    near = get_close_matches(name, names, cutoff=0.5) if isinstance(name, str) else []
    accepts = f"the name of a profile, such as {', '.join(near)}" if near else f"one of {', '.join(names)}"
    return SettingError("profile", name, accepts)


def _parse(text: str, file: str) -> dict[str, Profile]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ProfileError(file, "", f"is no TOML: {exc}") from exc
    for key in document:
        if key != "profiles":
            raise ProfileError(file, key, "must be a table [profiles.<name>]")
    profiles = document.get("profiles", {})
    if not isinstance(profiles, dict):
        raise ProfileError(file, "profiles", "must be tables [profiles.<name>]")
    return {name: _profile(name, values, file) for name, values in profiles.items()}


def _profile(name: str, values: object, file: str) -> Profile:
    where = f"profiles.{name}"
    if not NAME.fullmatch(name):
        raise ProfileError(file, where, f"the name must be {NAME_FORM}")
    if not isinstance(values, dict):
        raise ProfileError(file, where, f"must be a table, not {values!r}")
    for key, value in values.items():
        if key not in KEYS_BY_NAME:
            near = get_close_matches(key, KEYS_BY_NAME, n=1) or [", ".join(KEYS_BY_NAME)]
            raise ProfileError(file, f"{where}.{key}", f"unknown key; there is {near[0]}")
        if not KEYS_BY_NAME[key].is_good(value):
            raise ProfileError(file, f"{where}.{key}", f"must be {KEYS_BY_NAME[key].accepts}, not {value!r}")
    try:
        return Profile.made_of(name, values)
    except SettingError as exc:
        # Each value is valid by itself, so two of them contradict each other.
        raise ProfileError(file, f"{where}.{exc.name}", f"must be {exc.accepts}, not {exc.value!r}") from exc
