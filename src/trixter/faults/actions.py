"""Actions: what leaves a chain; and decisions: what its faults did, at which byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Eof:
    """Tell the sink that no more bytes will follow; the other direction goes on."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close both sides once everything before this has been sent.

    Args:
        reason: The reason, for the log and the events.
        reset: Whether to reset both sides in place of that, once its peer has everything before: an RST
            at once would drop what the kernel has not sent yet.
    """

    reason: str
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the sink once everything before this has been sent: the source was reset by its peer.

    On a wire a RST travels behind the bytes that were sent before it, and so it does here. A reset of our own
    making is an ``Abort``.
    """


@dataclass(frozen=True, slots=True)
class Abort:
    """Reset both sides now; whatever is still held anywhere is dropped.

    Args:
        reason: The reason, for the log and the events.
    """

    reason: str


EOF = Eof()
"""The one value of its class that is needed."""

RESET = Reset()
"""The one value of its class that is needed."""

End = Eof | Close | Reset
"""An end, behind the bytes of a chain. After EOF a reset may follow; after the others, nothing."""

Action = bytes | Eof | Close | Reset | Abort
"""One step for the pipe. Plain ``bytes`` are one write: never joined with their neighbours, so that a
slice arrives as a segment of its own; an object around them would cost more than sending them."""


class Effect(Enum):
    """The effect of a decision on a stream. Every fault's decisions are made of these."""

    RESET = "reset"
    """The connection is reset: ``reason``; if ``behind``, once its peer has all the bytes before."""
    CLOSE = "close"
    """The connection is closed behind the bytes before: ``reason``."""
    HALF_CLOSE = "half-close"
    """The direction ends behind the bytes before, and the other one goes on."""
    INSERT = "insert"
    """``size_bytes`` of noise come in front of the byte, from the stream ``dice`` of the seed."""
    FLIP = "flip"
    """Bytes change: ``bytes`` has the distance of each from the first, its former and its new value."""
    LOSE = "lose"
    """``size_bytes`` are lost; without them, all that follows is."""
    HOLD = "hold"
    """From here on, each byte leaves ``delay_s`` after it arrived."""
    SET = "set"
    """From here on, a fault works by its settings, by their names in Python; empty: not any more."""
    DIVERGE = "diverge"
    """A replay left its record: the source sends other bytes, more, or fewer."""


class Moment(Enum):
    """The event at a byte of the source at which a decision was made."""

    REACHED = "reached"
    """All bytes before it had arrived."""
    BYTE = "byte"
    """The byte itself had arrived."""
    END = "end"
    """The source had ended there."""


class Place(NamedTuple):
    """The place of a stage in its chain. Stages of one direction, also of different times, sort by it."""

    order: int
    """Its ``StageOrder``."""
    joined: int
    """Its number among all stages of the chain, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One thing that a fault did, at a byte of the stream as the source sent it.

    Args:
        kind: The fault: its name in the catalogue, such as ``corrupt``.
        effect: The effect on the stream.
        offset_bytes: The bytes that the source sent before.
        moment: The event at that byte.
        detail: Numbers and texts that belong to the effect.
        place: The place of the stage.
        input_bytes: The bytes that the stage itself took in before: stages before it may have inserted some.
    """

    kind: str
    effect: Effect
    offset_bytes: int
    moment: Moment
    detail: Mapping[str, Any]
    place: Place
    input_bytes: int

    @property
    def loses_rest(self) -> bool:
        """Whether all that follows is lost: then its length is not known."""
        return self.effect is Effect.LOSE and "size_bytes" not in self.detail
