"""Freeze: nothing leaves while it is on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trixter.faults.actions import End
from trixter.faults.dice import Dice
from trixter.faults.fault import Fault, HoldingStage, StageOrder
from trixter.faults.validators import require_switch


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze(Fault):
    """Hold every byte, and the end behind them, for as long as this is on.

    Nothing is lost: when the freeze ends, all that was held leaves at once, in order. What is held counts
    against the limit, so flow control stops the sender in the end.

    Args:
        is_on: ``True`` holds everything; ``False`` means off.

    Raises:
        SettingError: If that is neither ``True`` nor ``False``.
    """

    is_on: bool = False

    order: ClassVar[StageOrder] = StageOrder.FREEZE

    def _check(self) -> None:
        require_switch("is_on", self.is_on)

    @property
    def is_off(self) -> bool:
        return not self.is_on

    def stage(self, dice: Dice, now: float) -> FreezeStage:
        return FreezeStage(self, dice)


class FreezeStage(HoldingStage[Freeze]):
    """A queue without a deadline: it ends when its fault is taken away."""

    def put(self, data: bytes, now: float) -> None:
        self.follow_settings()
        self._hold(data)

    def put_all(self, pieces: list[bytes], now: float) -> None:
        self.follow_settings()
        self._hold_all(pieces)

    def put_end(self, end: End, now: float) -> None:
        self.follow_settings()
        self._hold(end)
