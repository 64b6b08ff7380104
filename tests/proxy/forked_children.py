"""Children of forks: of C, which keep duplicates of all descriptors, and of Python, which let go of some."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_libc = ctypes.CDLL(None)


@contextmanager
def child_with_all_descriptors() -> Iterator[int]:
    """Fork a child that does nothing and ends with the block; give its process id.

    It is forked by C's function, of which Python learns nothing: so it keeps what the children of
    ``os.fork()`` close.
    """
    yield from _children(_libc.fork())


@contextmanager
def child_of_python() -> Iterator[int]:
    """Fork a child by ``os.fork()``, wait until it runs, and end it with the block; give its process id."""
    ready, wake = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(wake, b"x")
    else:
        os.read(ready, 1)
        for fd in (ready, wake):
            os.close(fd)
    yield from _children(child)


def _children(child: int) -> Iterator[int]:
    while child == 0:
        signal.pause()
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
