"""Options: the values of flags, and the settings of a proxy, or the change of one, that follow from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

import click

from trixter.errors import SettingError
from trixter.faults import CATALOGUE, NO_FAULTS, Direction, Fault, Faults
from trixter.faults.entry import Entry, FlagSpec

if TYPE_CHECKING:
    from trixter.control import Override, ReplaceFaults
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
        options = [each.flag.option for entry in CATALOGUE for each in entry.settings]
        taken = {option: values.pop(option, None) for option in options}
        return cls({option: value for option, value in taken.items() if value is not None})

    def changes_of(self, faults: Faults, direction: Direction) -> list[Fault]:
        """Return the faults that the flags ask for; each replaces the fault of its kind.

        Args:
            faults: The faults in force: a setting whose flag was not given keeps its value.
            direction: Their direction; a fault that does not fit it is left out.

        Raises:
            click.UsageError: If a value is outside its range, which may depend on another one.
        """
        entries = (entry for entry in CATALOGUE if entry.kind.fits(direction))
        changes = (self._change_of(entry, faults.find(entry.kind) or entry.kind()) for entry in entries)
        return [change for change in changes if change is not None]

    def over(self, faults: Faults, direction: Direction) -> Faults:
        """Return these faults of a direction with the flags applied to them."""
        for fault in self.changes_of(faults, direction):
            faults = faults.with_fault(fault)
        return faults

    def require_effect(self, *bases: Faults) -> None:
        """Refuse a setting of a fault that stays off, since the flag that switches it on was not given.

        Args:
            bases: The faults of each direction, upstream first, to which the flags are applied.

        Raises:
            click.UsageError: With both flags.
        """
        results = [self.over(base, each) for base, each in zip(bases, Direction, strict=True)]
        for entry in CATALOGUE:
            for each in entry.settings[1:]:
                value = self.values.get(each.flag.option)
                is_set = value is not None and value != each.to_json(entry.default(each))
                is_off = all(result.find(entry.kind) is None for result in results)
                if is_set and is_off and entry.first.flag.option not in self.values:
                    raise needs(each.flag, entry.first.flag)

    def _change_of(self, entry: Entry, former: Fault) -> Fault | None:
        given = {
            each.json_name: self.values[each.flag.option]
            for each in entry.settings
            if each.flag.option in self.values
        }
        try:
            return entry.from_json(entry.to_json(former) | given) if given else None
        except SettingError as exc:
            flags = {each.field: each.flag.name for each in entry.settings}
            accepts = re.sub(r"\w+", lambda word: flags.get(word[0], word[0]), exc.accepts)
            raise click.UsageError(f"{flags[exc.name]} must be {accepts}, not {exc.value}") from exc


def needs(flag: FlagSpec, other: FlagSpec) -> click.UsageError:
    """Return the error for a flag that has no effect without another one."""
    return click.UsageError(f"{flag.name} needs {other.name} beside it")


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
        profiles_file: A file with more profiles.
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
    profiles_file: str | None = None
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
    upstream_check: bool = True
    log_level: str = "info"
    log_format: str = "text"

    @classmethod
    def of(cls, ctx: click.Context, values: Mapping[str, Any]) -> Options:
        """Return the options for the values of a command's flags, given by their names.

        Raises:
            click.UsageError: If there is no such profile, or flags contradict each other.
            ProfileError: If the file of profiles is invalid.
        """
        others = dict(values)
        options = cls(faults=FaultFlags.taken_from(others), **others)
        profile = profile_of(ctx, options.profile, options.profiles_file)
        options.faults.require_effect(*(profile.faults(each) if profile else NO_FAULTS for each in Direction))
        return options

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
        from trixter.settings import Defaults

        upstream = downstream = NO_FAULTS
        if self.profile is not None:
            from trixter.profiles import find_profile

            profile = find_profile(self.profile, self.profiles_file)
            upstream, downstream = profile.upstream, profile.downstream
        duration_s = self.connection_duration_ms / MS_PER_S
        return Defaults(
            upstream=self.faults.over(upstream, Direction.UPSTREAM),
            downstream=self.faults.over(downstream, Direction.DOWNSTREAM),
            connection_duration_s=duration_s,
        )


@dataclass(frozen=True, kw_only=True)
class RequestedFaults:
    """The faults that the flags of one command ask for.

    Args:
        flags: The values of the catalogue's flags.
        base: The faults to begin with, in place of all faults in force; ``None`` leaves those as they are.
        directions: The directions to change.
    """

    flags: FaultFlags
    base: dict[Direction, Faults] | None
    directions: tuple[Direction, ...]

    @classmethod
    def of(cls, ctx: click.Context, values: dict[str, Any]) -> RequestedFaults:
        """Take these flags out of ``values``, and leave the other ones.

        Raises:
            click.UsageError: If they contradict each other.
        """
        profile = profile_of(ctx, values.pop("profile"), values.pop("profiles_file"))
        is_clear, direction = values.pop("clear"), values.pop("direction")
        flags = FaultFlags.taken_from(values)
        if is_clear and profile:
            raise click.UsageError("--clear does not go with --profile", ctx)
        if direction and not (is_clear or profile or flags.values):
            raise click.UsageError(
                "--direction needs a change of faults beside it, such as --delay-ms 250", ctx
            )
        if profile:
            flags.require_effect(*map(profile.faults, Direction))
        else:
            _require_first_flags(flags)
        base = None
        if is_clear or profile:
            base = {each: profile.faults(each) if profile else NO_FAULTS for each in Direction}
        directions = tuple(Direction) if direction in (None, "both") else (Direction(direction),)
        for entry in CATALOGUE:
            given = [each.flag.name for each in entry.settings if each.flag.option in flags.values]
            if given and not any(map(entry.kind.fits, directions)):
                raise click.UsageError(f"{given[0]} does not go with --direction {direction}", ctx)
        return cls(flags=flags, base=base, directions=directions)

    @property
    def is_nothing(self) -> bool:
        """Whether no change was asked for."""
        return self.base is None and not self.flags.values

    def override(self, target: str, connection_duration_s: float | None = None) -> Override:
        """Return the override to send to the proxy.

        Args:
            target: As ``Override`` takes it.
            connection_duration_s: The maximum age of connections, if it was asked for as well.
        """
        from trixter.control import Override

        replaced = {each: self._replaced(each) for each in self.directions}
        return Override(
            target=target,
            upstream=replaced.get(Direction.UPSTREAM),
            downstream=replaced.get(Direction.DOWNSTREAM),
            connection_duration_s=connection_duration_s,
        )

    def _replaced(self, direction: Direction) -> ReplaceFaults | None:
        from trixter.control import ReplaceFaults

        if self.base is not None:
            return ReplaceFaults.everything(*self.flags.over(self.base[direction], direction))
        ones = [ReplaceFaults.one(fault) for fault in self.flags.changes_of(NO_FAULTS, direction)]
        return reduce(ReplaceFaults.then, ones) if ones else None


def _require_first_flags(flags: FaultFlags) -> None:
    """Refuse another setting of a fault without its first one, whose default switches the fault off.

    Raises:
        click.UsageError: With both flags.
    """
    for entry in CATALOGUE:
        for each in entry.settings:
            if each.flag.option in flags.values and entry.first.flag.option not in flags.values:
                raise needs(each.flag, entry.first.flag)


def profile_of(ctx: click.Context, name: str | None, file: str | None) -> Profile | None:
    """Return the profile that ``--profile`` names; ``None`` if it was not given.

    Args:
        ctx: Of the command.
        name: The name.
        file: A file of profiles; it is read even if none of them is asked for.

    Raises:
        click.BadParameter: If there is no such profile.
        ProfileError: If the file is invalid.
    """
    if name is None and file is None:
        return None
    from trixter.profiles import all_profiles

    profiles = all_profiles(file)
    if name is None or name in profiles:
        return None if name is None else profiles[name]
    from trixter.cli.command import did_you_mean, suggestions

    hint = did_you_mean(suggestions(name, profiles)) or "; `trixter profiles` lists them"
    flag = next(param for param in ctx.command.params if param.name == "profile")
    raise click.BadParameter(f"must be the name of a profile, not {name[:60]!r}{hint}", ctx, flag)
