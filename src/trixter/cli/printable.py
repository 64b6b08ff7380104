"""Escapes for text from peers, so that it is safe in one line of a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Escape characters that would break the line, move the cursor or reverse the direction of writing."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
