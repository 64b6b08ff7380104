"""Corrupt: wrong bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from trixter.errors import SettingError
from trixter.faults.actions import Effect
from trixter.faults.dice import Dice
from trixter.faults.fault import StageOrder
from trixter.faults.probabilistic import OperationStage, ProbabilisticFault

# The original inserts up to two of its copy buffers.
MOST_INSERTED_BYTES = 16_384

# The numbers of streams of noise: two of one connection are hardly ever the same.
MOST_NOISE = 2**32 - 1

# Enough to be seen by any checksum, few enough to look like an accident.
MOST_FLIPPED_BYTES = 8


class CorruptMode(Enum):
    """The effect of corruption on an operation that it strikes."""

    INSERT = "insert"
    FLIP = "flip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrupt(ProbabilisticFault):
    """Spoil an operation, each with the probability: a read of at most 8 KiB, or the write that passes it on.

    ``INSERT`` puts 1 to 16,384 random bytes in front of it, as the original does; ``FLIP`` changes 1 to 8
    of its bytes to something else and keeps the length. A piece of which both are struck gets both.

    Args:
        probability: From 0 to 1; 0 means off.
        mode: The effect on an operation.

    Raises:
        SettingError: If the probability is outside its range, or the mode is none.
    """

    mode: CorruptMode = CorruptMode.INSERT

    order: ClassVar[StageOrder] = StageOrder.ALTER

    def _check(self) -> None:
        ProbabilisticFault._check(self)
        if not isinstance(self.mode, CorruptMode):
            raise SettingError("mode", self.mode, "CorruptMode.INSERT or CorruptMode.FLIP")

    def stage(self, dice: Dice, now: float) -> CorruptStage:
        return CorruptStage(self, dice)


class CorruptStage(OperationStage[Corrupt]):
    """Passes on what is whole, and spoils what is struck."""

    def begin_read(self, now: float) -> None:
        # Noise can come before there is anything to spoil; what is to be flipped must be there.
        if self.fault.mode is CorruptMode.INSERT and self._is_read_struck():
            self.next.put(self._noise(), now)
        self.next.begin_read(now)

    def _apply_to(self, piece: bytes, at_bytes: int, strikes: int, now: float) -> None:
        if self.fault.mode is CorruptMode.INSERT:
            noise = b"".join(self._noise(at_bytes) for _ in range(strikes))
            self.next.put(noise + piece, now)
        else:
            self.next.put(self._flipped(piece, at_bytes, strikes), now)

    def _noise(self, at_bytes: int = 0) -> bytes:
        # From a stream of its own, whose name says it all: a journal need not hold the noise.
        size_bytes = self._dice.between(1, MOST_INSERTED_BYTES)
        dice = self._dice.branch(f"noise {self._dice.between(0, MOST_NOISE)}")
        self.decide(Effect.INSERT, at_bytes, size_bytes=size_bytes, dice=dice.path)
        return dice.noise(size_bytes)

    def _flipped(self, piece: bytes, at_bytes: int, strikes: int) -> bytes:
        flipped = bytearray(piece)
        positions: set[int] = set()  # each is flipped once: twice might put a byte right again
        for _ in range(strikes):
            count = self._dice.between(1, min(MOST_FLIPPED_BYTES, len(piece)))
            positions.update(self._dice.positions(count, len(piece)))
        for position in sorted(positions):
            flipped[position] ^= self._dice.between(1, 255)  # never 0: a struck byte does change
        first = min(positions)
        changed = [(each - first, piece[each], flipped[each]) for each in sorted(positions)]
        self.decide(Effect.FLIP, at_bytes + first, bytes=changed)
        return bytes(flipped)
