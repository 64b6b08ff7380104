"""Actions: what leaves a chain, the vocabulary between deciding and doing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Eof:
    """Tell the sink that no more bytes will follow; the other direction goes on."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close both sides once everything before this has been sent.

    Args:
        reason: The reason, for the log and the events.
    """

    reason: str


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
