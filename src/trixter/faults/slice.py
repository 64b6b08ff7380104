"""Slice: small writes."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, ClassVar

from trixter.errors import SettingError
from trixter.faults.dice import Dice
from trixter.faults.fault import (
    LEAST_QUEUE_BYTES,
    NO_BYPASS,
    BypassLimit,
    Fault,
    HoldingStage,
    StageOrder,
    most_queued_bytes,
)
from trixter.faults.validators import normalize, require_bytes, short_seconds_of
from trixter.units import Seconds

# One read of a direction that slices: all its slices are cut, and sent or held, before the caller looks at
# the limit or at another connection. 64 KiB of single bytes took 150 ms.
MOST_READ_BYTES = 64 * 1024
MOST_READ_SLICES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(Fault):
    """Let no write be larger than ``size_bytes``, each a segment of its own.

    Nothing is collected: a read that is smaller than a slice leaves as it is.

    Args:
        size_bytes: The largest slice; 0 means off.
        variation_bytes: The most that is taken off it, drawn uniformly for each slice; less than the size.
        gap_s: Seconds between one slice and the next. More than a minute is written with its unit: ``"90s"``.

    Raises:
        SettingError: If a setting is outside its range.
    """

    size_bytes: int = 0
    variation_bytes: int = 0
    gap_s: float = 0.0

    order: ClassVar[StageOrder] = StageOrder.SLICE

    if TYPE_CHECKING:

        def __init__(
            self, *, size_bytes: int = 0, variation_bytes: int = 0, gap_s: Seconds = 0.0, name: str = ""
        ) -> None: ...

    def _check(self) -> None:
        require_bytes("size_bytes", self.size_bytes)
        require_bytes("variation_bytes", self.variation_bytes)
        normalize(self, "gap_s", short_seconds_of)
        if self.variation_bytes and self.variation_bytes >= self.size_bytes:
            raise SettingError("variation_bytes", self.variation_bytes, "less than size_bytes")

    @property
    def is_off(self) -> bool:
        return self.size_bytes == 0

    def stage(self, dice: Dice, now: float) -> SliceStage:
        return SliceStage(self, dice)


class SliceStage(HoldingStage[Slice]):
    """Cuts as bytes arrive; with a gap, holds what is uncut and cuts one slice at a time."""

    def __init__(self, fault: Slice, dice: Dice) -> None:
        super().__init__(fault, dice)
        self._sliced_at = -inf  # when the last slice left
        self._not_before = -inf  # when the oldest piece became the oldest, or its settings changed
        self._bypass_limit = _bypass_limit(fault)

    def put(self, data: bytes, now: float) -> None:
        if self._queue:
            self.release(now)
        if not self._queue:
            if not self.fault.gap_s:
                self._cut(data, now)
                return
            self._not_before = now
        self.follow_settings()
        self._hold(data)
        self.release(now)

    def release(self, now: float) -> None:
        while self._queue:
            due = self._due()
            if due > now:
                return
            self._sliced_at = due
            self._pass_on_part(self._draw(), due)
            while self._queue and not isinstance(self._queue[0], bytes):
                self._pass_on(due)

    def wake_at(self) -> float | None:
        return self._due() if self._queue else None

    @property
    def fullness(self) -> float:
        size_bytes, gap_s = self.fault.size_bytes, self.fault.gap_s
        # With a gap, this is a rate.
        return self._queued_bytes / most_queued_bytes(size_bytes / gap_s) if gap_s else 0.0

    @property
    def most_read_bytes(self) -> float:
        if self.fault.gap_s:
            return LEAST_QUEUE_BYTES / 2  # cut one by one, in their time
        mean_bytes = self.fault.size_bytes - self.fault.variation_bytes / 2
        return min(mean_bytes * MOST_READ_SLICES, MOST_READ_BYTES)

    def bypass_limit(self, now: float) -> BypassLimit:
        return self._bypass_limit

    def change(self, fault: Slice, now: float) -> None:
        self.fault = fault
        self._bypass_limit = _bypass_limit(fault)
        # What the change makes due was not due in the past: it leaves now.
        self._not_before = now

    def _due(self) -> float:
        return max(self._sliced_at + self.fault.gap_s, self._not_before)

    def _draw(self) -> int:
        """Draw the size of a slice; one that varies never draws when it does not."""
        less = self.fault.variation_bytes
        return self.fault.size_bytes - (self._dice.between(0, less) if less else 0)

    def _cut(self, data: bytes, now: float) -> None:
        """Pass on all of it, in slices."""
        size_bytes = self.fault.size_bytes
        if self.fault.variation_bytes:
            self.follow_settings()
            start, slices = 0, list[bytes]()
            while start < len(data):
                stop = start + self._draw()
                slices.append(data[start:stop])
                start = stop
            self.next.put_all(slices, now)
        elif len(data) <= size_bytes:
            self.next.put(data, now)
        else:
            self.follow_settings()
            starts = range(0, len(data), size_bytes)
            self.next.put_all([data[start : start + size_bytes] for start in starts], now)


def _bypass_limit(fault: Slice) -> BypassLimit:
    if fault.variation_bytes or fault.gap_s:
        return NO_BYPASS
    return BypassLimit(read_bytes=fault.size_bytes)
