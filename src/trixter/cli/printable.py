"""Text from elsewhere, made safe for one line of a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Escape what would break the line, move the cursor or turn the writing around."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
