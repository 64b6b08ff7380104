"""A seed for each test and each proxy, grown from one of the run."""

from __future__ import annotations

import hashlib

SEED_BYTES = 8

# A run's seed, when none is given: short enough to be copied by hand.
RUN_SEED_BITS = 32


def seed_for(root: int, name: str) -> int:
    """Return the seed of that name below another.

    It depends on nothing else: not on the process, the order of the tests, or which of them run.
    """
    # A node id may hold what no encoding can: pytest escapes most of it, but not all.
    digest = hashlib.sha256(f"{root}/{name}".encode(errors="backslashreplace")).digest()
    return int.from_bytes(digest[:SEED_BYTES], "big")
