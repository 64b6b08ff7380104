"""The descriptor budget: connections leave the last descriptors to others."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.leaks import open_descriptors
from tests.proxy.descriptors import no_descriptor_free
from trixter.proxy.descriptors import MARGIN, RESERVED, DescriptorBudget


class Table:
    """The descriptor table of this process, with a limit of its own and numbers that are taken."""

    def __init__(self, exits: ExitStack) -> None:
        self._exits = exits
        self.fd = self.take()
        while self.fd < 4 * RESERVED:  # of a smaller table, the reserve is smaller
            self.fd = self.take()

    def limit(self, free: int) -> None:
        """Let so many numbers be free below the limit."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        taken = [os.dup(self.fd) for _ in range(free)]
        for each in taken:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken[-1] + 1, hard))

    def take(self) -> int:
        """Take the lowest number that is free."""
        fd = os.open(os.devnull, os.O_RDONLY)
        self._exits.callback(os.close, fd)
        return fd


@pytest.fixture
def table(exits: ExitStack) -> Iterator[Table]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        yield Table(exits)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_far_from_the_limit_nothing_is_tight(table: Table) -> None:
    table.limit(RESERVED + 2 * MARGIN)
    descriptors = DescriptorBudget()
    descriptors.note(descriptors.near - 1)
    assert not descriptors.is_tight


def test_a_number_near_the_limit_makes_it_tight_and_so_do_sockets_that_are_owed(table: Table) -> None:
    table.limit(RESERVED + 2 * MARGIN)
    descriptors = DescriptorBudget()
    descriptors.note(descriptors.near)
    assert descriptors.is_tight
    descriptors = DescriptorBudget()
    descriptors.owed = 5
    descriptors.note(descriptors.near - 5)
    assert descriptors.is_tight


@pytest.mark.parametrize(("free", "has_room"), [(RESERVED + 1, False), (RESERVED + 2, True)])
def test_a_connection_takes_two_and_leaves_the_reserve_alone(table: Table, free: int, has_room: bool) -> None:
    table.limit(free)
    descriptors = DescriptorBudget()
    descriptors.is_tight = True
    before = sorted(open_descriptors())
    assert descriptors.has_room(table.fd) is has_room
    assert sorted(open_descriptors()) == before


def test_what_is_owed_needs_room_too(table: Table) -> None:
    table.limit(RESERVED + 4)
    descriptors = DescriptorBudget()
    descriptors.is_tight = True
    descriptors.owed = 2
    assert descriptors.has_room(table.fd)
    descriptors.owed = 3
    assert not descriptors.has_room(table.fd)
    descriptors.owed = MARGIN
    assert not descriptors.has_room(table.fd)


def test_with_the_margin_free_again_it_is_not_tight_any_more(table: Table) -> None:
    table.limit(RESERVED + MARGIN + 1)
    descriptors = DescriptorBudget()
    descriptors.is_tight = True
    assert descriptors.has_room(table.fd)
    assert not descriptors.is_tight


def test_a_limit_that_was_raised_is_noticed(table: Table) -> None:
    table.limit(1)
    descriptors = DescriptorBudget()
    descriptors.is_tight = True
    assert not descriptors.has_room(table.fd)
    table_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (table_limit + RESERVED + 1, hard))
    assert descriptors.has_room(table.fd)


def test_of_a_small_table_the_reserve_is_a_quarter(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (40, 40))
    assert DescriptorBudget().near == 15  # of 30, half


def test_a_full_table_has_no_room(table: Table) -> None:
    descriptors = DescriptorBudget()
    descriptors.is_tight = True
    with no_descriptor_free():
        assert not descriptors.has_room(table.fd)


def test_without_a_limit_there_is_always_room(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (resource.RLIM_INFINITY,) * 2)
    descriptors = DescriptorBudget()
    descriptors.note(10**6)
    assert not descriptors.is_tight
    descriptors.is_tight = True
    assert descriptors.has_room(table.fd)
