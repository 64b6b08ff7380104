"""Descriptors: how many connections leave to everything else, and those that the child of a fork closes."""

from __future__ import annotations

import fcntl
import os
import resource
import sys
from typing import Protocol
from weakref import WeakSet

# Kept free of proxied connections: for the API, its callers, files of modules that are imported late.
RESERVED = 16

# From so far below the reserve on, the kernel is asked before each accept.
MARGIN = 64


class DescriptorBudget:
    """Tell whether the descriptor table has room for another connection, which takes two.

    The kernel hands out the lowest number that is free. So the number of an accepted socket shows, without a
    system call, that the table is far from full. Near the limit, duplicates that are closed at once show
    which numbers come next. Those of the reserve are left alone, so they stay free for others.
    """

    __slots__ = ("_top", "is_tight", "near", "owed")

    def __init__(self) -> None:
        self.owed = 0
        """Connections that were accepted and have no socket to their upstream yet."""
        self.is_tight = False
        """Whether ``has_room`` must be asked before the next accept."""
        self.near = 0
        """The lowest number that makes it tight; as of the limit when it was last looked at."""
        self._look_at_limit()

    def note(self, fd: int) -> None:
        """Learn from the number of a socket that was just accepted."""
        if fd + self.owed >= self.near:
            self.is_tight = True

    def has_room(self, fd: int) -> bool:
        """Return whether the next connection would leave the reserve alone.

        Args:
            fd: Any descriptor that is open.
        """
        self._look_at_limit()
        if self.owed >= MARGIN:
            return False
        if self._free_below_top(fd, 3 + self.owed, self.near):
            self.is_tight = False  # of three in the margin, an accepted socket gets one before none is left
        return not self.is_tight or self._free_below_top(fd, 2 + self.owed)

    def _look_at_limit(self) -> None:
        """Take the soft limit as it is now: it may have been raised."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        limit = sys.maxsize if soft == resource.RLIM_INFINITY else soft
        self._top = limit - min(RESERVED, limit // 4)
        self.near = self._top - min(MARGIN, self._top // 2)

    def _free_below_top(self, fd: int, count: int, least: int = 0) -> bool:
        """Return whether so many numbers are free below the reserve, from ``least`` on."""
        found: list[int] = []
        try:
            while len(found) < count:
                found.append(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, least))
                if found[-1] >= self._top:
                    return False
            return True
        except (OSError, OverflowError):  # there is none at all, or a limit that no C int can say
            return self._top > sys.maxsize // 2
        finally:
            for each in found:
                os.close(each)


class Inherited(Protocol):
    """Have descriptors that the child of a fork gets duplicates of."""

    def abandon(self) -> None:
        """Close them in the child, and send the peers nothing: the sockets live on in the parent."""


_inherited: WeakSet[Inherited] = WeakSet()


def close_in_children(owner: Inherited) -> None:
    """Have an owner abandon its descriptors in every child that Python forks from now on."""
    _inherited.add(owner)


def keep_in_children(owner: Inherited) -> None:
    """Undo ``close_in_children``; idempotent."""
    _inherited.discard(owner)


def _abandon_all() -> None:
    for owner in list(_inherited):
        owner.abandon()
    _inherited.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
