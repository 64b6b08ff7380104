"""What leaves a chain: the vocabulary between deciding and doing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Eof:
    """Tell the sink that no more bytes will follow; the other direction goes on."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close both sides once everything before this has been sent.

    Args:
        reason: Why, for the log and the events.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Abort:
    """Reset both sides now; whatever is still held anywhere is dropped.

    Args:
        reason: Why, for the log and the events.
    """

    reason: str


EOF = Eof()
"""The one value of its class that is needed."""

End = Eof | Close
"""The last thing that travels through a chain, behind the bytes."""

Action = bytes | Eof | Close | Abort
"""One step for the pipe. Plain ``bytes`` are one write: never joined with their neighbours, so that a
slice arrives as a segment of its own; an object around them would cost more than sending them."""
