"""What the command line and the environment ask for, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trixter.proxy import Defaults

MS_PER_S = 1000


@dataclass(frozen=True, kw_only=True)
class Options:
    """Hold the value of every flag, in the flag's own unit, under the flag's own name.

    The defaults here are the flags' defaults. The faults hold for both directions of new connections; in
    all of them 0 means off.

    Args:
        listen: Where clients connect to.
        upstream: Where their connections lead.
        api: Where the REST API listens; ``None`` means that there is none.
        random_seed: The root of all luck; ``None`` means that it is drawn.
    """

    listen: str
    upstream: str
    api: str | None = None
    api_token: str | None = field(default=None, repr=False)
    api_name: tuple[str, ...] = ()
    delay_ms: int = 0
    throttle_rate_bytes: int = 0
    slice_size_bytes: int = 0
    terminate_probability_rate: float = 0.0
    corrupt_probability_rate: float = 0.0
    connection_duration_ms: int = 0
    random_seed: int | None = None
    limit_bytes: int = 4 * 1024 * 1024
    connect_timeout_ms: int = 10_000
    log_level: str = "info"
    log_format: str = "text"

    @property
    def connect_timeout_s(self) -> float:
        return self.connect_timeout_ms / MS_PER_S

    def defaults(self) -> Defaults:
        """Return what new connections start with."""
        from trixter.faults import Corrupt, Faults, Latency, Slice, Terminate, Throttle
        from trixter.proxy import Defaults

        faults = Faults(
            Corrupt(probability=self.corrupt_probability_rate),
            Terminate(probability=self.terminate_probability_rate),
            Slice(size_bytes=self.slice_size_bytes),
            Throttle(rate_bytes_per_s=self.throttle_rate_bytes),
            Latency(delay_s=self.delay_ms / MS_PER_S),
        )
        duration_s = self.connection_duration_ms / MS_PER_S
        return Defaults(upstream=faults, downstream=faults, duration_s=duration_s)
