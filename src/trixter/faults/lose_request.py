"""Lose request: nothing of a message to the server arrives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trixter.faults.fault import Direction
from trixter.faults.message_loss import MessageLoss


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseRequest(MessageLoss):
    """Lose a message of the client, each with the probability, and reset both sides behind what was before.

    A message is a run of bytes of the client until the server speaks. This is upstream only.

    Args:
        probability: From 0 to 1; 0 means off.
        silence: Lose what follows, too, in place of the reset; the connection stays open until the client
            ends it.

    Raises:
        SettingError: If a setting is outside its range.
    """

    direction: ClassVar[Direction | None] = Direction.UPSTREAM
    reason: ClassVar[str] = "request lost"
