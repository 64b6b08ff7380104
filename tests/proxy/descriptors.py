"""The descriptors of this process, made scarce."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_descriptor_free(spare: int = 0) -> Iterator[None]:
    """Let no descriptor, or only so many, be opened within."""
    free = [os.open(os.devnull, os.O_RDONLY) for _ in range(spare + 1)]
    for number in free:
        os.close(number)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[-1], hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
