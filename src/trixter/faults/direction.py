"""The two directions of a connection."""

from __future__ import annotations

from enum import Enum


class Direction(Enum):
    """Name the way bytes travel: *to* the upstream, or *from* it."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"
