"""Forks: a child lets go of descriptors that belong to its parent."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


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
