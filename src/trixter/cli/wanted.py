"""The faults that flags ask for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trixter.faults import Fault, Faults

MS_PER_S = 1000


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Hold the value of every fault's flag, in the flag's own unit, under the flag's own name.

    ``None`` means that it was not given, and 0 that the fault is to be off.
    """

    delay_ms: int | None = None
    jitter_ms: int | None = None
    throttle_rate_bytes: int | None = None
    slice_size_bytes: int | None = None
    terminate_probability_rate: float | None = None
    corrupt_probability_rate: float | None = None

    def changes_of(self, faults: Faults) -> list[Fault]:
        """Return the faults to put in place of those of their kind.

        Args:
            faults: Where a setting comes from that was not given, beside one that was.
        """
        from trixter.faults import Corrupt, Latency, Slice, Terminate, Throttle

        changed: list[Fault] = []
        if self.corrupt_probability_rate is not None:
            changed.append(Corrupt(probability=self.corrupt_probability_rate))
        if self.terminate_probability_rate is not None:
            changed.append(Terminate(probability=self.terminate_probability_rate))
        if self.slice_size_bytes is not None:
            changed.append(Slice(size_bytes=self.slice_size_bytes))
        if self.throttle_rate_bytes is not None:
            changed.append(Throttle(rate_bytes_per_s=self.throttle_rate_bytes))
        if self.delay_ms is not None or self.jitter_ms is not None:
            latency = faults.find(Latency) or Latency()
            if self.delay_ms is not None:
                latency = replace(latency, delay_s=self.delay_ms / MS_PER_S)
            if self.jitter_ms is not None:
                latency = replace(latency, jitter_s=self.jitter_ms / MS_PER_S)
            changed.append(latency)
        return changed

    def over(self, faults: Faults) -> Faults:
        """Return those faults with what was asked for in place of what they say."""
        for fault in self.changes_of(faults):
            faults = faults.with_fault(fault)
        return faults
