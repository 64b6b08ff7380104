"""Networks by their names, and what a name that does not exist gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trixter.errors import SettingError

if TYPE_CHECKING:
    from trixter.profiles import Profile


def profile_of(ctx: click.Context, name: str | None, file: str | None) -> Profile | None:
    """Return the profile that ``--profile`` names; ``None`` if it was not given.

    Raises:
        click.BadParameter: If there is no such profile.
        ProfileError: If the file of profiles is not as it should be.
    """
    if name is None:
        return None
    from trixter.profiles import find_profile

    try:
        return find_profile(name, file)
    except SettingError as exc:
        flag = next(param for param in ctx.command.params if param.name == "profile")
        raise click.BadParameter(
            f"must be {exc.accepts}, not {name[:60]!r}; see `trixter profiles`", ctx, flag
        ) from exc
