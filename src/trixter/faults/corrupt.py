"""Corrupt: wrong bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from trixter.errors import SettingError
from trixter.faults.dice import Dice
from trixter.faults.operations import StrikingFault, StrikingStage
from trixter.faults.stage import Place

# The original inserts up to two of its copy buffers.
MOST_INSERTED_BYTES = 16_384

# Enough to be seen by any checksum, few enough to look like an accident.
MOST_FLIPPED_BYTES = 8


class CorruptMode(Enum):
    """Name what corruption does to an operation it strikes."""

    INSERT = "insert"
    FLIP = "flip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrupt(StrikingFault):
    """Spoil an operation (at most 8 KiB of one read), each with the probability.

    ``INSERT`` puts 1 to 16,384 random bytes in front of it, as the original does; ``FLIP`` changes 1 to 8
    of its bytes to something else and keeps the length.

    Args:
        probability: From 0 to 1; 0 means off.
        mode: What is done to an operation.

    Raises:
        SettingError: If the probability is outside its range, or the mode is none.
    """

    mode: CorruptMode = CorruptMode.INSERT

    place: ClassVar[Place] = Place.ALTER

    def _check(self) -> None:
        StrikingFault._check(self)
        if not isinstance(self.mode, CorruptMode):
            raise SettingError("mode", self.mode, "CorruptMode.INSERT or CorruptMode.FLIP")

    def stage(self, dice: Dice, now: float) -> CorruptStage:
        return CorruptStage(self, dice)


class CorruptStage(StrikingStage[Corrupt]):
    """Passes on what is whole, and spoils what is struck."""

    def _strike(self, operation: bytes, now: float) -> None:
        if self.fault.mode is CorruptMode.INSERT:
            noise = self._dice.noise(self._dice.between(1, MOST_INSERTED_BYTES))
            self.next.put(noise + operation, now)
        else:
            self.next.put(self._flipped(operation), now)

    def _flipped(self, operation: bytes) -> bytes:
        flipped = bytearray(operation)
        count = self._dice.between(1, min(MOST_FLIPPED_BYTES, len(operation)))
        for position in self._dice.positions(count, len(operation)):
            flipped[position] ^= self._dice.between(1, 255)  # never 0: a struck byte does change
        return bytes(flipped)
