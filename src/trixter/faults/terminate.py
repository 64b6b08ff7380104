"""Terminate: the connection is reset at a random operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trixter.faults.actions import End, Eof
from trixter.faults.dice import Dice
from trixter.faults.fault import StageOrder
from trixter.faults.probabilistic import OperationStage, ProbabilisticFault

REASON = "terminated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminate(ProbabilisticFault):
    """Reset both sides at an operation, each with the probability.

    The operations are the opening of the connection, each read of at most 8 KiB, the write that passes it
    on, and EOF. At a probability of 1 a connection is reset as soon as it is open.

    Args:
        probability: From 0 to 1; 0 means off.

    Raises:
        SettingError: If the probability is outside its range.
    """

    order: ClassVar[StageOrder] = StageOrder.TERMINATE

    def stage(self, dice: Dice, now: float) -> TerminateStage:
        return TerminateStage(self, dice)


class TerminateStage(OperationStage[Terminate]):
    """Passes on what comes before the strike, and nothing from it on."""

    def open(self, now: float) -> None:
        if self._is_struck():
            self.abort(REASON)
        else:
            self.next.open(now)

    def begin_read(self, now: float) -> None:
        if self._is_read_struck():
            self.abort(REASON)
        else:
            self.next.begin_read(now)

    def put_end(self, end: End, now: float) -> None:
        # A reset by a peer, or an end that a fault makes, is an end already.
        if isinstance(end, Eof) and self._is_struck():
            self.abort(REASON)
        else:
            self.next.put_end(end, now)

    def _apply_to(self, piece: bytes, at_bytes: int, strikes: int, now: float) -> None:
        self.abort(REASON, at_bytes)
