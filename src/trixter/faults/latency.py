"""Latency: every byte leaves a while after it arrived."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, ClassVar

from trixter.faults.actions import Effect, End
from trixter.faults.dice import Dice
from trixter.faults.fault import Fault, HoldingStage, StageOrder
from trixter.faults.validators import normalize, short_seconds_of
from trixter.units import Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(Fault):
    """Let every byte leave ``delay_s`` (give or take ``jitter_s``) after it arrived.

    Pipelined, as on a wire: it does not cap the rate, unless the caller caps what is held. EOF is delayed
    alike. Jitter is drawn for each read, uniformly, and never reorders: what would overtake leaves together
    with what is before it. No jitter makes a delay less than zero. Set on both directions, the round trip
    grows by twice the delay.

    Args:
        delay_s: Seconds, 0 or more. More than a minute is written with its unit: ``"250s"``.
        jitter_s: The most that is added or taken off, in seconds, 0 or more; likewise.

    Raises:
        SettingError: If a setting is not a finite time, 0 or more.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0

    order: ClassVar[StageOrder] = StageOrder.DELAY

    if TYPE_CHECKING:

        def __init__(self, *, delay_s: Seconds = 0.0, jitter_s: Seconds = 0.0, name: str = "") -> None: ...

    def _check(self) -> None:
        normalize(self, "delay_s", short_seconds_of)
        normalize(self, "jitter_s", short_seconds_of)

    @property
    def is_off(self) -> bool:
        return self.delay_s == 0 and self.jitter_s == 0

    def stage(self, dice: Dice, now: float) -> LatencyStage:
        return LatencyStage(self, dice)


class LatencyStage(HoldingStage[Latency]):
    """One queue and one deadline, however many pieces are on the way.

    Remembers when a piece arrived and what was drawn for it, not when it is due: so a change of settings
    reaches what is already held.
    """

    has_latency = True

    def __init__(self, fault: Latency, dice: Dice) -> None:
        super().__init__(fault, dice)
        self._arrivals: deque[tuple[float, float]] = deque()  # (time, jitter from -1 to 1), one an item
        self._not_before = -inf  # when the piece before the oldest one left
        self._decided_s = 0.0  # the delay, as it was said last

    def put(self, data: bytes, now: float) -> None:
        self._arrive(data, now)

    def put_all(self, pieces: list[bytes], now: float) -> None:
        self._arrivals.append((now, self._draw()))
        self._hold_all(pieces)

    def put_end(self, end: End, now: float) -> None:
        self._arrive(end, now)

    def release(self, now: float) -> None:
        while self._queue and (due := self._due()) <= now:
            self._not_before = due
            self._arrivals.popleft()
            self._pass_on(due)

    def wake_at(self) -> float | None:
        return self._due() if self._queue else None

    def change(self, fault: Latency, now: float) -> None:
        self.fault = fault
        # What the change makes due was not due in the past: it leaves now.
        self._not_before = now

    def decide_removal(self) -> None:
        self._decide(0.0)

    def _arrive(self, item: bytes | End, now: float) -> None:
        self._arrivals.append((now, self._draw()))
        self._hold(item)

    def _draw(self) -> float:
        draw = self._dice.centred() if self.fault.jitter_s else 0.0
        self._decide(self._delay_s(draw))
        return draw

    def _decide(self, delay_s: float) -> None:
        if delay_s != self._decided_s:
            self._decided_s = delay_s
            self.decide(Effect.HOLD, delay_s=delay_s)

    # Without max(), which takes as many instructions as three function calls: these are for each read.

    def _delay_s(self, draw: float) -> float:
        delay_s = self.fault.delay_s + draw * self.fault.jitter_s
        return delay_s if delay_s > 0.0 else 0.0

    def _due(self) -> float:
        arrived, draw = self._arrivals[0]
        due = arrived + self._delay_s(draw)
        return due if due > self._not_before else self._not_before
