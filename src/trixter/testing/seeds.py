"""Seeds: one for each test and each proxy, derived from the run's."""

from __future__ import annotations

import hashlib

SEED_BYTES = 8

# The size of a seed that a run draws: short enough to be copied by hand.
RUN_SEED_BITS = 32


def seed_for(root: int, name: str) -> int:
    """Return the seed of that name, derived from another seed.

    It depends on nothing else: not on the process, the order of the tests, or the selection of tests.
    """
    # A node id may contain surrogates, which cannot be encoded: pytest does not escape all of them.
    digest = hashlib.sha256(f"{root}/{name}".encode(errors="backslashreplace")).digest()
    return int.from_bytes(digest[:SEED_BYTES], "big")
