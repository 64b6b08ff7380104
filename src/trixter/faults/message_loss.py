"""Message loss: a message that does not arrive, and the reset, or the silence, that follows."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import ClassVar

from trixter.faults.actions import EOF, Effect, End, Eof
from trixter.faults.dice import Dice
from trixter.faults.fault import PIECE_OVERHEAD_BYTES, Direction, FaultT, Stage, StageOrder
from trixter.faults.probabilistic import ProbabilisticFault, ProbabilisticStage
from trixter.faults.validators import require_switch


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLoss(ProbabilisticFault):
    """A fault that loses messages of its direction, each with the probability; see its children.

    A message is a run of bytes in one direction until the other side speaks: until the sender has been sent
    something. It is drawn when its first byte that would be lost arrives.
    """

    silence: bool = False

    order: ClassVar[StageOrder] = StageOrder.LOSE
    units: ClassVar[str] = "messages"

    reason: ClassVar[str]
    """The reason of the reset."""

    def _check(self) -> None:
        ProbabilisticFault._check(self)
        require_switch("silence", self.silence)

    @property
    def arriving_bytes(self) -> int:
        """The first bytes of a lost message, which arrive all the same."""
        return 0

    def stage(self, dice: Dice, now: float) -> MessageLossStage:
        return MessageLossStage(self, dice)


class SilenceStage(Stage[FaultT]):
    """Loses all that comes, until the client ends the connection.

    The end of a client passes. That of a server waits for it: a client that heard of it would not be left in
    silence.
    """

    is_queue = True

    def put(self, data: bytes, now: float) -> None: ...

    def put_end(self, end: End, now: float) -> None:
        is_of_server = isinstance(end, Eof) and self.fault.direction is Direction.DOWNSTREAM
        if is_of_server and not self.output.other.has_ended:
            self.held_bytes = PIECE_OVERHEAD_BYTES
        else:
            self._pass_end_on(end, now)

    def release(self, now: float) -> None:
        if self.held_bytes and self.output.other.has_ended:
            self._pass_end_on(EOF, now)

    def _pass_end_on(self, end: End, now: float) -> None:
        self.held_bytes = 0
        self.next.put_end(end, now)


class MessageLossStage(ProbabilisticStage[MessageLoss], SilenceStage[MessageLoss]):
    """Counts messages; behind the strike, the chain takes nothing in, or this loses it."""

    def __init__(self, fault: MessageLoss, dice: Dice) -> None:
        super().__init__(fault, dice)
        self._is_silent = False
        self._answered_bytes: int | None = None  # what its sender had been sent before this message
        self._passing_bytes = inf  # of this message, up to the draw; then all

    def put(self, data: bytes, now: float) -> None:
        if self._is_silent:
            return
        answered_bytes = self.output.other.forwarded_bytes
        if answered_bytes != self._answered_bytes:
            self._answered_bytes = answered_bytes
            self._passing_bytes = self.fault.arriving_bytes
        if len(data) <= self._passing_bytes:
            self._passing_bytes -= len(data)
            self.next.put(data, now)
        elif self._is_struck():
            self._lose(data, int(self._passing_bytes), now)
        else:
            self._passing_bytes = inf
            self.next.put(data, now)

    def put_end(self, end: End, now: float) -> None:
        if self._is_silent:
            super().put_end(end, now)
        else:
            self.next.put_end(end, now)

    def drain(self, now: float) -> None:
        # Bytes are missing: what comes next is no more what its receiver waits for.
        if self._is_silent:
            self.close(self.fault.reason, now, reset=True)

    def _lose(self, data: bytes, at_bytes: int, now: float) -> None:
        """Lose what is in hand from that byte on, and all that follows."""
        if at_bytes:
            self.next.put(data[:at_bytes], now)
        if self.output.is_closing:
            return  # by a loss of one of these bytes
        if self.fault.silence:
            self._is_silent = True
            self.decide(Effect.LOSE, at_bytes)
        else:
            self.close(self.fault.reason, now, at_bytes, reset=True)

    def _pass_end_on(self, end: End, now: float) -> None:
        self._is_silent = False  # it has ended: nothing more can be missing
        super()._pass_end_on(end, now)
