"""A timerfd is readable from the time it was set to."""

from __future__ import annotations

import ctypes
import os
import select
import time
from collections.abc import Iterator

import pytest

from tests.proxy.descriptors import no_descriptor_free
from trixter.proxy.timerfd import Timerfd

LONG_S = 3600.0


@pytest.fixture
def timerfd() -> Iterator[Timerfd]:
    timerfd = Timerfd()
    yield timerfd
    timerfd.close()


def wait_for(timerfd: Timerfd) -> float:
    """Return the time at which it was seen to be readable."""
    assert select.select([timerfd.fileno()], [], [], 10.0)[0]
    return time.monotonic()


def is_readable(timerfd: Timerfd) -> bool:
    return bool(select.select([timerfd.fileno()], [], [], 0)[0])


def test_it_is_not_readable_before_it_is_set(timerfd: Timerfd) -> None:
    assert not is_readable(timerfd)


@pytest.mark.parametrize("ahead_s", [0.0, 1e-9, 1e-6, 0.0003, 0.0049])
def test_it_rings_and_never_early(timerfd: Timerfd, ahead_s: float) -> None:
    when = time.monotonic() + ahead_s
    timerfd.set(when)
    # A nanosecond, because that is what a float of this size can be off by.
    assert wait_for(timerfd) >= when - 1e-9


@pytest.mark.parametrize("when", [-1.0, 0.0, 1e-12, 1.0])
def test_a_time_in_the_past_rings_at_once(timerfd: Timerfd, when: float) -> None:
    timerfd.set(when)
    wait_for(timerfd)


def test_setting_it_again_replaces_what_was_set(timerfd: Timerfd) -> None:
    timerfd.set(0.0)
    timerfd.set(time.monotonic() + LONG_S)
    assert not is_readable(timerfd)
    timerfd.set(0.0)
    wait_for(timerfd)


def test_it_is_readable_until_it_is_cleared(timerfd: Timerfd) -> None:
    timerfd.set(0.0)
    wait_for(timerfd)
    assert is_readable(timerfd)
    timerfd.clear()
    assert not is_readable(timerfd)


def test_clearing_one_that_has_not_rung_does_nothing(timerfd: Timerfd) -> None:
    timerfd.clear()


def test_it_is_not_handed_to_child_processes(timerfd: Timerfd) -> None:
    assert not os.get_inheritable(timerfd.fileno())


def test_a_full_descriptor_table_is_an_os_error() -> None:
    with no_descriptor_free(), pytest.raises(OSError, match="Too many open files"):
        Timerfd()


def test_setting_one_that_was_closed_is_an_os_error() -> None:
    timerfd = Timerfd()
    timerfd.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        timerfd.set(0.0)


def test_a_system_without_timerfds_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *args, **kwargs: object())
    with pytest.raises(OSError, match="no timerfd"):
        Timerfd()
