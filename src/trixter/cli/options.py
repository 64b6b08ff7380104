"""Options: the values of all flags, and the settings of the proxy that follow from them."""

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
    """The values of the catalogue's flags.

    Args:
        values: The given flags, by the names of their options, each in the flag's own unit. 0 switches a
            fault off.
    """

    values: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def taken_from(cls, values: dict[str, Any]) -> FaultFlags:
        """Take the flags of faults out of a command's values, and leave the other ones."""
        options = [each.flag.option for entry in CATALOGUE for each in entry.settings if each.flag]
        taken = {option: values.pop(option, None) for option in options}
        return cls({option: value for option, value in taken.items() if value is not None})

    def changes_of(self, faults: Faults) -> list[Fault]:
        """Return the faults that the flags ask for; each replaces the fault of its kind.

        Args:
            faults: The faults in force: a setting whose flag was not given keeps its value.

        Raises:
            SettingError: If a value is outside its range.
        """
        changes = (self._change_of(entry, faults.find(entry.kind) or entry.kind()) for entry in CATALOGUE)
        return [change for change in changes if change is not None]

    def over(self, faults: Faults) -> Faults:
        """Return these faults with the flags applied to them."""
        for fault in self.changes_of(faults):
            faults = faults.with_fault(fault)
        return faults

    def _change_of(self, entry: Entry, former: Fault) -> Fault | None:
        settings: dict[str, Any] = {}
        is_asked_for = False
        for each in entry.settings:
            if each.flag is None:
                continue  # a setting without a flag gets its default: the result depends on flags only
            settings[each.field] = getattr(former, each.field)
            if each.flag.option in self.values:
                settings[each.field] = each.from_json(self.values[each.flag.option])
                is_asked_for = True
        return entry.kind(**settings) if is_asked_for else None


NO_FLAGS = FaultFlags()
"""No flag was given."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The value of every flag, in the flag's own unit, under the flag's own name.

    The defaults here are the flags' defaults. The faults are for both directions of new connections; 0
    switches a fault off, and a fault whose flags were not given is that of the profile.

    Args:
        listen: The address that clients connect to.
        upstream: The address that their connections are forwarded to.
        api: The address of the REST API; ``None`` for no API.
        profile: The name of the faults to begin with; ``None`` for none.
        profiles: A file with more profiles.
        faults: The values of the catalogue's flags.
        random_seed: The seed of all randomness; ``None`` draws one.
        journal: The file for the journal; ``None`` for none.
        replay: The journal to repeat; ``None`` for none.
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
    journal: str | None = None
    replay: str | None = None
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
        """Return the options for the values of a command's flags, given by their names."""
        others = dict(values)
        return cls(faults=FaultFlags.taken_from(others), **others)

    def tuning(self) -> TuningKeywords:
        """Return the proxy's limits and time-outs."""
        return {
            "buffer_limit_bytes": self.buffer_limit_bytes,
            "socket_buffer_bytes": self.socket_buffer_bytes,
            "connect_timeout_s": self.connect_timeout_ms / MS_PER_S,
            "keepalive_s": self.keepalive_ms / MS_PER_S,
            "idle_timeout_s": self.idle_timeout_ms / MS_PER_S,
            "reset_unreachable": self.on_unreachable == "reset",
        }

    def defaults(self) -> Defaults:
        """Return the defaults of new connections: the profile's faults with the flags applied to them.

        Raises:
            SettingError: If there is no such profile.
            ProfileError: If the file of profiles is invalid.
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
        ProfileError: If the file of profiles is invalid.
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
