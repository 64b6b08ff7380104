"""Operations: the unit in which probabilities are drawn."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TypeVar

from trixter.faults.budget import Allowance
from trixter.faults.dice import Dice
from trixter.faults.ranges import require_probability
from trixter.faults.stage import Fault, Stage

# The original's copy buffer: one of its reads and writes is at most this much.
OPERATION_BYTES = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class StrikingFault(Fault):
    """A fault that strikes operations, each with a probability; see its children."""

    probability: float = 0.0

    def _check(self) -> None:
        require_probability("probability", self.probability)

    @property
    def is_off(self) -> bool:
        return self.probability == 0


StrikingFaultT = TypeVar("StrikingFaultT", bound=StrikingFault)


class StrikingStage(Stage[StrikingFaultT]):
    """A stage that strikes operations at random.

    The gap to the next strike is drawn, not every operation: between strikes it is one subtraction.
    """

    may_wait = False

    def __init__(self, fault: StrikingFaultT, dice: Dice) -> None:
        super().__init__(fault, dice)
        self._until_strike = dice.gap(fault.probability)

    def put(self, data: bytes, now: float) -> None:
        operations = -(-len(data) // OPERATION_BYTES)
        if operations < self._until_strike:
            self._until_strike -= operations
            self.next.put(data, now)
        else:
            self._put_struck(data, operations, now)

    def allowance(self, now: float) -> Allowance:
        return Allowance(read_bytes=OPERATION_BYTES, reads=self._until_strike - 1)  # a read is one operation

    def note_passed(self, reads: int, size_bytes: int) -> None:
        self._until_strike -= reads

    def change(self, fault: StrikingFaultT, now: float) -> None:
        # The draw has no memory, so a fresh gap at the new probability is as fair as the rest of the old.
        if fault.probability != self.fault.probability:
            self._until_strike = self._dice.gap(fault.probability)
        self.fault = fault

    @abstractmethod
    def _strike(self, operation: bytes, now: float) -> None:
        """Do it to this operation."""

    def _put_struck(self, data: bytes, operations: int, now: float) -> None:
        struck, passed_bytes = self._until_strike, 0
        while struck <= operations:
            start = (struck - 1) * OPERATION_BYTES
            if start > passed_bytes:
                self.next.put(data[passed_bytes:start], now)
            passed_bytes = start + OPERATION_BYTES
            self._strike(data[start:passed_bytes], now)
            struck += self._dice.gap(self.fault.probability)
        if passed_bytes < len(data):
            self.next.put(data[passed_bytes:], now)
        self._until_strike = struck - operations
