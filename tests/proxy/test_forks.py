"""Owners of descriptors abandon them in the child of a fork, and only there."""

from __future__ import annotations

import os
from weakref import WeakSet

import pytest

from tests.proxy.forked_children import child_of_python
from trixter.proxy import descriptors
from trixter.proxy.descriptors import close_in_children, keep_in_children


class PipeOwner:
    """Own one descriptor."""

    def __init__(self) -> None:
        self.fd = os.open(os.devnull, os.O_RDONLY)
        self.abandoned = 0

    def abandon(self) -> None:
        self.abandoned += 1
        os.close(self.fd)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the proxies of other tests."""
    monkeypatch.setattr(descriptors, "_inherited", WeakSet())


def test_in_a_child_it_is_abandoned_and_the_parent_keeps_it() -> None:
    owner, other = PipeOwner(), PipeOwner()
    close_in_children(owner)
    close_in_children(other)
    keep_in_children(other)
    keep_in_children(other)
    with child_of_python() as child:
        kept = os.listdir(f"/proc/{child}/fd")
        assert (str(owner.fd) in kept, str(other.fd) in kept) == (False, True)
    assert owner.abandoned == 0
    os.close(owner.fd)  # it is open here
    os.close(other.fd)


def test_it_is_abandoned_once() -> None:
    owner = PipeOwner()
    close_in_children(owner)
    descriptors._abandon_all()
    descriptors._abandon_all()
    assert owner.abandoned == 1


def test_one_that_is_gone_is_forgotten() -> None:
    owner = PipeOwner()
    close_in_children(owner)
    os.close(owner.fd)
    del owner
    descriptors._abandon_all()
