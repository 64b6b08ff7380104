"""Comparison of printed output with the output that a page shows."""

from __future__ import annotations

import re

# Text that differs from run to run, by its form: a time must still be a time.
SHAPES = [
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",  # times of the log
    r"\b[0-9a-f]{6}-\d+\b",  # ids
    r"(?<=127\.0\.0\.1:)\d{5}\b",  # ports that the system chose
    r"(?<=random seed: )\d+",
    r"\b\d+\.\d+(?= m?s\b)",  # seconds, as curl and the log write them
    r"\b\d+(?= B (?:up|down)\b)",
    r"\b\d+(?= bytes remaining\b)",
    r'"age_ms": ?\d+',
    r'"(?:up|down)stream": ?\d+',
    r"\b\d+(?= (?:passed|failed)\b)",
    r"0x[0-9a-f]+",
    r" {2,}",  # columns move with what is in them
]
SHAPE = re.compile("|".join(f"({shape})" for shape in SHAPES))

# Stands for text that a page leaves out.
ELLIPSIS = "…"


def pattern_of(expected: str) -> re.Pattern[str]:
    """Return a pattern of the same text with other times, ids, ports and counts."""
    pattern, at = "", 0
    for found in SHAPE.finditer(expected):
        pattern += re.escape(expected[at : found.start()]) + f"(?:{SHAPES[(found.lastindex or 1) - 1]})"
        at = found.end()
    pattern += re.escape(expected[at:])
    return re.compile(pattern.replace(ELLIPSIS, r"[\s\S]*?"))


def is_printed(expected: str, printed: str) -> bool:
    """Return whether the printed text matches."""
    return pattern_of(expected.strip()).fullmatch(printed.strip()) is not None


def complaint(expected: str, printed: str) -> str:
    """Return a complaint, empty if the text matches."""
    if is_printed(expected, printed):
        return ""
    return f"the page says that it prints\n{expected}\nbut it printed\n{printed}"
