"""Throttle: a steady rate."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, ClassVar

from trixter.faults.dice import Dice
from trixter.faults.fault import BypassLimit, Fault, HoldingStage, StageOrder, most_queued_bytes
from trixter.faults.validators import normalize, rate_of, require_bytes
from trixter.units import Rate

# Held bytes trickle: a piece that takes longer than this is cut, and a waiting throttle wakes about this
# often. Much longer and a reader sees lumps; much shorter and the loop spends its time on timers.
TRICKLE_S = 0.005

# However small they are: all of them leave in one callback when the throttle is switched off.
MOST_QUEUED_PIECES = 4096

# Half of the queue in one read, so that it is not exceeded by much; the original reads as little as that.
LEAST_READ_BYTES = 8192

# What arrives and is due this soon leaves now: a timer is not more punctual than that, and a fast rate would
# otherwise cost one for every message. The debt is kept, so the rate holds all the same.
SLACK_S = 0.0002


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle(Fault):
    """Cap the direction at a steady rate, with no burst at the start.

    N bytes take N/rate seconds, within 1 %, and trickle in between. An idle time earns nothing.

    Args:
        rate_bytes_per_s: Bytes per second, 0.001 or more, or text such as ``"1mbit"``; 0 means unlimited.
        queue_bytes: How much may wait for its turn before the source is read no more; 0 means what the rate
            carries in 100 ms, and at least 64 KiB.

    Raises:
        SettingError: If a setting is outside its range.
    """

    rate_bytes_per_s: float = 0
    queue_bytes: int = 0

    order: ClassVar[StageOrder] = StageOrder.RATE

    if TYPE_CHECKING:

        def __init__(self, *, rate_bytes_per_s: Rate = 0, queue_bytes: int = 0, name: str = "") -> None: ...

    def _check(self) -> None:
        normalize(self, "rate_bytes_per_s", rate_of)
        require_bytes("queue_bytes", self.queue_bytes)

    @property
    def most_queued_bytes(self) -> float:
        """How much may wait for its turn: as it was set, or as the rate has it."""
        return self.queue_bytes or most_queued_bytes(self.rate_bytes_per_s)

    @property
    def is_off(self) -> bool:
        return self.rate_bytes_per_s == 0

    def stage(self, dice: Dice, now: float) -> ThrottleStage:
        return ThrottleStage(self, dice, now)


class ThrottleStage(HoldingStage[Throttle]):
    """A line that takes ``1 / rate`` seconds for each byte.

    Counts bytes from the time the line was last idle, and never adds up the time of each: on a clock that
    has run for a year, the time of one fast byte would be lost in rounding.
    """

    def __init__(self, fault: Throttle, dice: Dice, now: float) -> None:
        super().__init__(fault, dice)
        self._busy_since = now
        self._passed_bytes = 0.0  # since then; negative: earned already, before a change of rate
        self._woke_at = now
        self._trickle_bytes = _trickle_bytes(fault)

    def put(self, data: bytes, now: float) -> None:
        if self._queue and now > self._woke_at:
            self.release(now)
        if self._queue:
            self.follow_settings()
            self._hold(data)
            return
        if len(data) <= self._slack_bytes(now):
            self._passed_bytes += len(data)
            self.next.put(data, now)
        else:
            self._woke_at = now
            self.follow_settings()
            self._hold(data)

    def release(self, now: float) -> None:
        self._woke_at = now
        while self._queue:
            part_bytes = self._next_bytes()
            due = self._due(part_bytes)
            if due > now:
                return
            self._pass_bytes(part_bytes, due)

    def wake_at(self) -> float | None:
        if not self._queue:
            return None
        next_bytes, queued_bytes = self._next_bytes(), self._queued_bytes
        due = self._due(next_bytes)
        if next_bytes == queued_bytes:
            return due
        # Small pieces leave together, about every TRICKLE_S; but the last of them is not kept waiting.
        return max(due, min(self._due(queued_bytes), self._woke_at + TRICKLE_S))

    @property
    def fullness(self) -> float:
        return max(self._queued_bytes / self.fault.most_queued_bytes, len(self._queue) / MOST_QUEUED_PIECES)

    @property
    def most_read_bytes(self) -> float:
        return max(self.fault.most_queued_bytes / 2, LEAST_READ_BYTES)

    def bypass_limit(self, now: float) -> BypassLimit:
        # Paid for by the time from now on. Bytes that come after a pause have so been paid for already: that
        # is worth the slack once more, at most.
        return BypassLimit(total_bytes=int(self._slack_bytes(now)))

    def count_bypassed(self, reads: int, size_bytes: int) -> None:
        self._passed_bytes += size_bytes

    def change(self, fault: Throttle, now: float) -> None:
        # What was earned (or is owed) so far was at the old rate: whole bytes leave, the rest counts on.
        owed_bytes = self._owed_bytes(now)
        if not self._queue:
            owed_bytes = max(owed_bytes, 0.0)
        elif owed_bytes <= -1:
            earned_bytes = min(int(-owed_bytes), self._head_bytes())
            owed_bytes += earned_bytes
            self._pass_bytes(earned_bytes, now)
        self.fault = fault
        self._trickle_bytes = _trickle_bytes(fault)
        self._busy_since, self._passed_bytes = now, owed_bytes

    def _pass_bytes(self, size_bytes: int, now: float) -> None:
        """Hand on that much of the oldest piece; ends leave with the last byte before them."""
        self._passed_bytes += size_bytes
        self._pass_on_part(size_bytes, now)
        while self._queue and not isinstance(self._queue[0], bytes):
            self._pass_on(now)

    def _slack_bytes(self, now: float) -> float:
        """Return how much may leave at once though it is not paid for yet."""
        rate = self.fault.rate_bytes_per_s
        owed_bytes = self._passed_bytes - (now - self._busy_since) * rate
        if owed_bytes <= 0:
            self._busy_since, self._passed_bytes, owed_bytes = now, 0.0, 0.0
        return SLACK_S * rate - owed_bytes

    def _next_bytes(self) -> int:
        """Return how much of the oldest piece leaves next: all of it, or a trickle if it is large."""
        head_bytes, trickle_bytes = self._head_bytes(), self._trickle_bytes
        return head_bytes if head_bytes < trickle_bytes else trickle_bytes

    def _owed_bytes(self, now: float) -> float:
        """Return how much has left that is not paid for yet; negative: how much more could have."""
        return self._passed_bytes - (now - self._busy_since) * self.fault.rate_bytes_per_s

    def _due(self, size_bytes: int) -> float:
        """Return when the line has taken that many bytes more."""
        return self._busy_since + (self._passed_bytes + size_bytes) / self.fault.rate_bytes_per_s


def _trickle_bytes(fault: Throttle) -> int:
    """Return how much of a large piece leaves at a time."""
    return ceil(fault.rate_bytes_per_s * TRICKLE_S)
