"""What the command line and the environment ask for, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trixter.cli.wanted import MS_PER_S, NO_FLAGS, FaultFlags

if TYPE_CHECKING:
    from trixter.proxy import Defaults
    from trixter.proxy.tuning import TuningKeywords


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
        random_seed: The root of all luck; ``None`` means that it is drawn.
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
    limit_bytes: int = 4 * 1024 * 1024
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
            "limit_bytes": self.limit_bytes,
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
        from trixter.faults import CALM
        from trixter.proxy import Defaults

        upstream = downstream = CALM
        if self.profile is not None:
            from trixter.profiles import find_profile

            profile = find_profile(self.profile, self.profiles)
            upstream, downstream = profile.upstream, profile.downstream
        duration_s = self.connection_duration_ms / MS_PER_S
        return Defaults(
            upstream=self.faults.over(upstream),
            downstream=self.faults.over(downstream),
            duration_s=duration_s,
        )
