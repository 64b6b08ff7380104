"""Probabilistic faults, and operations: the unit in which most probabilities are drawn.

Operations are the original's "each read/write": the opening of a connection, each read of at most 8 KiB, the
write that passes it on, and the end of a direction. The stage of a fault decides which of them it strikes.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from trixter.faults.dice import Dice
from trixter.faults.fault import BypassLimit, Fault, Stage
from trixter.faults.validators import require_probability

# The original's copy buffer: one of its reads and writes is at most this much.
OPERATION_BYTES = 8192

# A piece of that size is read, and it is written.
OPERATIONS_PER_PIECE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbabilisticFault(Fault):
    """A fault that strikes operations, or something else, each with a probability; see its children."""

    probability: float = 0.0

    units: ClassVar[str] = "operations"
    """The things that the probability is about, in the plural."""

    def _check(self) -> None:
        require_probability("probability", self.probability)

    @property
    def is_off(self) -> bool:
        return self.probability == 0


ProbabilisticFaultT = TypeVar("ProbabilisticFaultT", bound=ProbabilisticFault)


class ProbabilisticStage(Stage[ProbabilisticFaultT]):
    """A stage that strikes at random: its children count the units, one after another.

    The gap to the next strike is drawn, not every unit: between strikes it is one subtraction.
    """

    def __init__(self, fault: ProbabilisticFaultT, dice: Dice) -> None:
        super().__init__(fault, dice)
        self._drawn = 0  # units up to the next strike, from the first one on
        self._until_hit = self._draw_gap()

    @property
    def operations(self) -> int:
        return self._drawn - self._until_hit

    def change(self, fault: ProbabilisticFaultT, now: float) -> None:
        # The draw has no memory, so a fresh gap at the new probability is as fair as the rest of the old.
        former, self.fault = self.fault, fault
        if fault.probability != former.probability:
            self._drawn -= self._until_hit
            self._until_hit = self._draw_gap()

    def _draw_gap(self) -> int:
        gap = self._dice.gap(self.fault.probability)
        self._drawn += gap
        return gap

    def _is_struck(self) -> bool:
        """Count one unit; return whether it is struck."""
        self._until_hit -= 1
        if self._until_hit:
            return False
        self._until_hit = self._draw_gap()
        return True


class OperationStage(ProbabilisticStage[ProbabilisticFaultT]):
    """A stage that strikes operations: reads and writes, and what its children add.

    Both operations of a piece are drawn when it is read, also if the write comes much later, or in slices.
    """

    may_wait = False

    def __init__(self, fault: ProbabilisticFaultT, dice: Dice) -> None:
        super().__init__(fault, dice)
        self._begun = 0  # operations of the next piece that have been drawn already

    def put(self, data: bytes, now: float) -> None:
        operations = OPERATIONS_PER_PIECE * -(-len(data) // OPERATION_BYTES) - self._begun
        if operations < self._until_hit:
            self._until_hit -= operations
            self._begun = 0
            self.next.put(data, now)
        else:
            self._put_struck(data, operations, now)

    def bypass_limit(self, now: float) -> BypassLimit:
        return BypassLimit(read_bytes=OPERATION_BYTES, reads=(self._until_hit - 1) // OPERATIONS_PER_PIECE)

    def count_bypassed(self, reads: int, size_bytes: int) -> None:
        self._until_hit -= OPERATIONS_PER_PIECE * reads

    @abstractmethod
    def _apply_to(self, piece: bytes, at_bytes: int, strikes: int, now: float) -> None:
        """Apply the fault to this piece; its read was struck, or its write, or both.

        Args:
            piece: The piece.
            at_bytes: Its distance from the first byte in hand, for ``decide``.
            strikes: How often it was struck.
            now: The time.
        """

    def _is_read_struck(self) -> bool:
        """Count the read of the next piece, once; return whether it is struck."""
        if self._begun:
            return False
        self._begun = 1
        return self._is_struck()

    def _put_struck(self, data: bytes, operations: int, now: float) -> None:
        struck, begun, passed_bytes = self._until_hit, self._begun, 0
        self._begun = 0
        while struck <= operations:
            nth = (struck + begun - 1) // OPERATIONS_PER_PIECE
            last = OPERATIONS_PER_PIECE * (nth + 1) - begun  # of this piece's operations
            strikes = 0
            while struck <= last:
                strikes += 1
                struck += self._draw_gap()
            start = nth * OPERATION_BYTES
            if start > passed_bytes:
                self.next.put(data[passed_bytes:start], now)
            passed_bytes = start + OPERATION_BYTES
            self._apply_to(data[start:passed_bytes], start, strikes, now)
        if passed_bytes < len(data):
            self.next.put(data[passed_bytes:], now)
        self._until_hit = struck - operations
