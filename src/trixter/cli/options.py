"""Options: what the command line and the environment ask for, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from trixter.errors import SettingError
from trixter.faults import CATALOGUE, Fault, Faults
from trixter.faults.entry import Entry

if TYPE_CHECKING:
    from trixter.profiles import Profile
    from trixter.proxy.tuning import TuningKeywords
    from trixter.settings import Defaults

MS_PER_S = 1000


@dataclass(frozen=True)
class FaultFlags:
    """Hold what the flags of the catalogue say.

    Args:
        values: Those that were given, in the flag's own unit, by the names of their options. 0 means that the
            fault is to be off.
    """

    values: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def taken_from(cls, values: dict[str, Any]) -> FaultFlags:
        """Take the flags of faults out of the values of a command; what is left is of others."""
        options = [each.flag.option for entry in CATALOGUE for each in entry.settings if each.flag]
        taken = {option: values.pop(option, None) for option in options}
        return cls({option: value for option, value in taken.items() if value is not None})

    def changes_of(self, faults: Faults) -> list[Fault]:
        """Return the faults to put in place of those of their kind.

        Args:
            faults: Those that a flag which was not given leaves a setting of, beside one that was.

        Raises:
            SettingError: If a value is outside its range.
        """
        changes = (self._change_of(entry, faults.find(entry.kind) or entry.kind()) for entry in CATALOGUE)
        return [change for change in changes if change is not None]

    def over(self, faults: Faults) -> Faults:
        """Return those faults with what was asked for in place of what they say."""
        for fault in self.changes_of(faults):
            faults = faults.with_fault(fault)
        return faults

    def _change_of(self, entry: Entry, former: Fault) -> Fault | None:
        settings: dict[str, Any] = {}
        is_asked_for = False
        for each in entry.settings:
            if each.flag is None:
                continue  # what flags cannot set has its default, so that flags alone say what there is
            settings[each.field] = getattr(former, each.field)
            if each.flag.option in self.values:
                settings[each.field] = each.from_json(self.values[each.flag.option])
                is_asked_for = True
        return entry.kind(**settings) if is_asked_for else None


NO_FLAGS = FaultFlags()
"""None was given."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Hold the value of every flag, in the flag's own unit, under the flag's own name.

    The defaults here are the flags' defaults. The faults hold for both directions of new connections; in
    all of them 0 means off, and one that is not given is as the profile has it.

    Args:
        listen: Where clients connect to.
        upstream: Where their connections lead.
        api: Where the REST API listens; ``None`` means that there is none.
        profile: The name of the faults to begin with; ``None`` means without any.
        profiles: A file with more profiles.
        faults: The flags of the catalogue.
        random_seed: The root of all randomness; ``None`` means that it is drawn.
    """

    listen: str
    upstream: str
    api: str | None = None
    api_token: str | None = field(default=None, repr=False)
    api_name: tuple[str, ...] = ()
    profile: str | None = None
    profiles: str | None = None
    faults: FaultFlags = NO_FLAGS
    connection_duration_ms: int = 0
    random_seed: int | None = None
    buffer_limit_bytes: int = 4 * 1024 * 1024
    total_limit_bytes: int = 1024 * 1024 * 1024
    socket_buffer_bytes: int = 0
    connect_timeout_ms: int = 10_000
    keepalive_ms: int = 15_000
    idle_timeout_ms: int = 0
    on_unreachable: str = "fin"
    log_level: str = "info"
    log_format: str = "text"

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Options:
        """Return the options that the flags of a command have set, by their names."""
        others = dict(values)
        return cls(faults=FaultFlags.taken_from(others), **others)

    def tuning(self) -> TuningKeywords:
        """Return what the proxy may use, and how long it waits."""
        return {
            "buffer_limit_bytes": self.buffer_limit_bytes,
            "socket_buffer_bytes": self.socket_buffer_bytes,
            "connect_timeout_s": self.connect_timeout_ms / MS_PER_S,
            "keepalive_s": self.keepalive_ms / MS_PER_S,
            "idle_timeout_s": self.idle_timeout_ms / MS_PER_S,
            "reset_unreachable": self.on_unreachable == "reset",
        }

    def defaults(self) -> Defaults:
        """Return what new connections start with: the profile's faults, and the flags' in place of theirs.

        Raises:
            SettingError: If there is no such profile.
            ProfileError: If the file of profiles is not as it should be.
        """
        from trixter.faults import NO_FAULTS
        from trixter.settings import Defaults

        upstream = downstream = NO_FAULTS
        if self.profile is not None:
            from trixter.profiles import find_profile

            profile = find_profile(self.profile, self.profiles)
            upstream, downstream = profile.upstream, profile.downstream
        duration_s = self.connection_duration_ms / MS_PER_S
        return Defaults(
            upstream=self.faults.over(upstream),
            downstream=self.faults.over(downstream),
            connection_duration_s=duration_s,
        )


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
