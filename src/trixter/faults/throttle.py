"""Throttle: a steady rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trixter.faults.actions import End
from trixter.faults.dice import Dice
from trixter.faults.ranges import require_rate
from trixter.faults.stage import PIECE_OVERHEAD_BYTES, Fault, HoldingStage, Place

# Held bytes trickle: a piece that takes longer than this is cut, and a waiting throttle wakes about this
# often. Much longer and a reader sees lumps; much shorter and the loop spends its time on timers.
TRICKLE_S = 0.005

# What is due this soon leaves now: a timer is not more punctual than that, and a fast rate would otherwise
# cost one for every message. The debt is kept, so the rate holds all the same.
SLACK_S = 0.0002


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle(Fault):
    """Cap the direction at a steady rate, with no burst at the start.

    N bytes take N/rate seconds, within 1 %, and trickle in between. An idle time earns nothing.

    Args:
        rate_bytes_per_s: Bytes per second, 0.001 or more; 0 means unlimited.

    Raises:
        SettingError: If the rate is outside its range.
    """

    rate_bytes_per_s: float = 0

    place: ClassVar[Place] = Place.RATE

    def _check(self) -> None:
        require_rate("rate_bytes_per_s", self.rate_bytes_per_s)

    @property
    def is_off(self) -> bool:
        return self.rate_bytes_per_s == 0

    def stage(self, dice: Dice, now: float) -> ThrottleStage:
        return ThrottleStage(self, dice, now)


class ThrottleStage(HoldingStage[Throttle]):
    """A line that takes ``1 / rate`` seconds for each byte."""

    def __init__(self, fault: Throttle, dice: Dice, now: float) -> None:
        super().__init__(fault, dice)
        self._paid_until = now  # every byte that left is paid for by then; later than now: a debt
        self._woke_at = now

    def put(self, data: bytes, now: float) -> None:
        if self._queue:
            self._hold(data)
            return
        self._paid_until = max(self._paid_until, now)
        due = self._paid_until + len(data) / self.fault.rate_bytes_per_s
        if due <= now + SLACK_S:
            self._paid_until = due
            self.next.put(data, now)
        else:
            self._woke_at = now
            self._hold(data)

    def put_end(self, end: End, now: float) -> None:
        if self._queue:
            self._hold(end)
        else:
            self.next.put_end(end, now)

    def release(self, now: float) -> None:
        self._woke_at = now
        rate = self.fault.rate_bytes_per_s
        while self._queue:
            due = self._paid_until + self._head_bytes() / rate
            if due <= now + SLACK_S:
                self._paid_until = due
                self._pass_on(min(due, now))
                continue
            if self._some_due() <= now + SLACK_S:
                earned_bytes = max(int((now + SLACK_S - self._paid_until) * rate), 1)
                self._paid_until += earned_bytes / rate
                self._pass_on_part(earned_bytes, now)
            return

    def wake_at(self) -> float | None:
        if not self._queue:
            return None
        # Small pieces leave together, about every TRICKLE_S; but the last of them is not kept waiting.
        waiting_bytes = self.held_bytes - PIECE_OVERHEAD_BYTES * len(self._queue)
        all_due = self._paid_until + waiting_bytes / self.fault.rate_bytes_per_s
        return max(self._some_due(), min(all_due, self._woke_at + TRICKLE_S))

    def change(self, fault: Throttle, now: float) -> None:
        # What was earned (or is owed) so far was at the old rate: the same number of bytes counts on.
        owed_bytes = (self._paid_until - now) * self.fault.rate_bytes_per_s
        if not self._queue:
            owed_bytes = max(owed_bytes, 0.0)
        self.fault = fault
        self._paid_until = now + owed_bytes / fault.rate_bytes_per_s

    def _some_due(self) -> float:
        """Return when some of the oldest piece may leave: all of it, or a trickle if it is large."""
        rate = self.fault.rate_bytes_per_s
        return self._paid_until + min(self._head_bytes() / rate, max(TRICKLE_S, 1 / rate))
