"""Lose answer: the server has done its work, and its message does not arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trixter.faults.fault import Direction
from trixter.faults.message_loss import MessageLoss
from trixter.faults.validators import require_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseAnswer(MessageLoss):
    """Lose a message of the server, each with the probability, and reset both sides behind what was before.

    A message is a run of bytes of the server until the client speaks. This is downstream only.

    Args:
        probability: From 0 to 1; 0 means off.
        answer_bytes: The first bytes of it, which arrive all the same. A message of no more than that is
            left alone.
        silence: Lose what follows, too, in place of the reset; the connection stays open until the client
            ends it.

    Raises:
        SettingError: If a setting is outside its range.
    """

    answer_bytes: int = 0

    direction: ClassVar[Direction | None] = Direction.DOWNSTREAM
    reason: ClassVar[str] = "answer lost"

    def _check(self) -> None:
        MessageLoss._check(self)
        require_bytes("answer_bytes", self.answer_bytes)

    @property
    def arriving_bytes(self) -> int:
        return self.answer_bytes
