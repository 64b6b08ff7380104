"""Terminate: the connection is reset, by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trixter.faults.dice import Dice
from trixter.faults.operations import StrikingFault, StrikingStage
from trixter.faults.stage import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminate(StrikingFault):
    """Reset both sides at an operation (at most 8 KiB of one read), each with the probability.

    Args:
        probability: From 0 to 1; 0 means off.

    Raises:
        SettingError: If the probability is outside its range.
    """

    place: ClassVar[Place] = Place.TERMINATE

    def stage(self, dice: Dice, now: float) -> TerminateStage:
        return TerminateStage(self, dice)


class TerminateStage(StrikingStage[Terminate]):
    """Passes on what comes before the strike, and nothing from it on."""

    def _strike(self, operation: bytes, now: float) -> None:
        self.abort("terminated")
