"""RUST_LOG: the log level from the environment variable of the Rust original."""

from __future__ import annotations

import re

VARIABLE = "RUST_LOG"

# Its levels, and their numbers in the original's logging library. Python has no level below debug.
LEVELS = {
    "off": "off",
    "error": "error",
    "warn": "warning",
    "info": "info",
    "debug": "debug",
    "trace": "debug",
    "0": "off",
    "1": "error",
    "2": "warning",
    "3": "info",
    "4": "debug",
    "5": "debug",
}

# `target=level`, `level` or `target`; a target is a path of Rust modules.
DIRECTIVE = re.compile(r"(?:(?P<target>[A-Za-z_][\w-]*(?:::\w+)*)(?:=(?P<level>\w+))?|(?P<number>[0-5]))")

OURS = "trixter"


def level_of(text: str) -> tuple[str | None, list[str]]:
    """Return the level that a value of ``RUST_LOG`` sets, and the directives that are malformed.

    A directive for ``trixter`` takes precedence over one for all targets, and of several of a kind the last
    counts. Directives for other targets, such as ``tokio=warn`` or ``trixter::api=debug``, are about modules
    that this program does not have, and are ignored.

    Returns:
        A level of ``--log-level``, or ``None`` if none is set; and the malformed directives.
    """
    for_all: str | None = None
    for_us: str | None = None
    unread: list[str] = []
    for directive in filter(None, map(str.strip, text.split(","))):
        found = DIRECTIVE.fullmatch(directive)
        target, level = (found["target"], found["level"]) if found else (None, None)
        if found is None or (level is not None and level.lower() not in LEVELS):
            unread.append(directive)
        elif level is None and (target or found["number"]).lower() in LEVELS:
            for_all = LEVELS[(target or found["number"]).lower()]
        elif target == OURS:
            # A target alone means all its levels.
            for_us = LEVELS[(level or "trace").lower()]
    return for_us or for_all, unread
