"""A stamp of the system's clock is as old as it is, or of no known age."""

from __future__ import annotations

import os
import select
import socket
import time
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.leaks import Belongings
from tests.proxy.descriptors import no_descriptor_free
from tests.proxy.receive_timestamps import let_pass
from tests.proxy.servers import socket_pair
from tests.proxy.waiting import PATIENCE_S
from trixter.proxy import timestamps
from trixter.proxy.timestamps import ROUNDING_S, SystemClock, recv_stamped, stamp_arrivals

AHEAD_S = 1.8e9


def clock_read_at(now: float) -> SystemClock:
    clock = SystemClock()
    clock.compare(now, now + AHEAD_S, now)
    return clock


def age_of(clock: SystemClock, made_at: float, *, now: float, ahead_s: float = AHEAD_S) -> float:
    """Return the age of a stamp made at a time of the monotonic clock, at another, both exact."""
    return clock.age_s(made_at + AHEAD_S, before=now, wall=now + ahead_s, after=now)


@pytest.mark.parametrize("age_s", [0.001, 0.5, 4.0, 86_400.0])
def test_a_stamp_is_as_old_as_it_is_after_any_pause(age_s: float) -> None:
    assert age_of(clock_read_at(100.0), 200.0, now=200.0 + age_s) == pytest.approx(age_s, abs=1e-6)


def test_a_stamp_from_before_the_first_reading_has_no_known_age() -> None:
    assert age_of(clock_read_at(100.0), 99.0, now=101.0) == 0.0
    assert age_of(SystemClock(), 99.0, now=101.0) == 0.0


def test_a_stamp_of_the_future_has_no_known_age() -> None:
    assert age_of(clock_read_at(100.0), 102.0, now=101.0) == 0.0


@pytest.mark.parametrize("step_s", [-3600.0, -0.01, 0.01, 3600.0])
def test_what_was_stamped_before_the_clock_was_set_has_no_known_age_however_late_it_is_read(
    step_s: float,
) -> None:
    clock, ahead_s = clock_read_at(100.0), AHEAD_S + step_s
    assert age_of(clock, 200.0, now=201.0, ahead_s=ahead_s) == 0.0
    assert age_of(clock, 200.0, now=202.0, ahead_s=ahead_s) == 0.0
    after_it = 203.0 + ahead_s
    assert clock.age_s(after_it, before=204.0, wall=204.0 + ahead_s, after=204.0) == pytest.approx(
        1.0, abs=1e-6
    )


def test_a_thread_that_is_stopped_while_it_reads_the_clocks_does_not_take_them_for_set() -> None:
    clock = clock_read_at(100.0)
    for now in range(110, 200, 10):
        clock.compare(now - 5.0, now + AHEAD_S, now + 4.0)
    assert age_of(clock, 101.0, now=200.0) == pytest.approx(99.0, abs=1e-6)


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1), st.floats(0, 1)), min_size=1),
    st.lists(st.sampled_from([0.0, 0.0, 0.0, -5.0, 5.0, 0.5]), min_size=1),
    st.data(),
)
def test_no_stamp_is_older_than_it_is_however_often_the_clock_is_set(
    steps: list[tuple[float, float, float]], sets: list[float], data: st.DataObject
) -> None:
    """The thread is stopped before and after each reading of the clock, which is set between readings."""
    clock, now, ahead_s = SystemClock(), 1000.0, AHEAD_S
    made: list[tuple[float, float]] = []  # when, and the stamp
    for passed_s, stopped_before_s, stopped_after_s in steps:
        made.append((now, now + ahead_s))
        now += passed_s
        ahead_s += data.draw(st.sampled_from(sets))
        before, read_at, after = now, now + stopped_before_s, now + stopped_before_s + stopped_after_s
        made_at, set_timestamps = data.draw(st.sampled_from(made))
        age_s = clock.age_s(set_timestamps, before=before, wall=read_at + ahead_s, after=after)
        assert (
            age_s <= max(0.0, read_at - made_at) + 2.0 + ROUNDING_S
        )  # what it was stopped for may hide a step
        now = after


@pytest.fixture
def pair(exits: ExitStack) -> tuple[socket.socket, socket.socket]:
    here, there = socket_pair()
    exits.callback(here.close)
    exits.callback(there.close)
    return here, there


def test_what_is_read_late_is_as_old_as_it_is(
    pair: tuple[socket.socket, socket.socket], timestamps_on: None
) -> None:
    here, there = pair
    stamp_arrivals(there)
    before = time.monotonic()
    here.send(b"letter")
    assert select.select([there], [], [], PATIENCE_S)[0]
    arrived = time.monotonic()
    least_s = time.monotonic() - arrived
    buffer = bytearray(100)
    size, age_s = recv_stamped(there, memoryview(buffer))
    most_s = time.monotonic() - before
    assert buffer[:size] == b"letter"
    assert age_s > 0.0
    assert least_s - ROUNDING_S <= age_s <= most_s + ROUNDING_S


def test_what_was_read_after_a_long_pause_is_as_old_as_the_pause(
    pair: tuple[socket.socket, socket.socket], timestamps_on: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    stamp_arrivals(there)
    here.send(b"letter")
    assert select.select([there], [], [], PATIENCE_S)[0]
    let_pass(3600.0, monkeypatch)
    assert recv_stamped(there, memoryview(bytearray(100)))[1] >= 3600.0


def test_one_socket_keeps_the_kernel_stamping(pair: tuple[socket.socket, socket.socket]) -> None:
    stamp_arrivals(pair[0])
    before = Belongings()
    stamp_arrivals(pair[1])
    assert before.left_since() == []
    (kept,) = timestamps._stamping_fds
    with socket.socket(fileno=os.dup(kept)) as stamping:
        assert stamping.getsockopt(socket.SOL_SOCKET, timestamps._SO_TIMESTAMPNS)


def test_without_a_descriptor_for_that_the_next_call_tries_again(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    monkeypatch.setattr(timestamps, "_stamping_fds", kept)
    with no_descriptor_free():
        stamp_arrivals(pair[0])
    assert not kept
    stamp_arrivals(pair[0])
    os.close(kept[0])


def test_without_a_stamp_it_is_new(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    here.send(b"letter")
    assert recv_stamped(there, memoryview(bytearray(100))) == (6, 0.0)


@pytest.mark.parametrize("shown", [0.0, 2.0**33])
def test_a_clock_that_was_set_meanwhile_is_not_believed(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch, shown: float
) -> None:
    here, there = pair
    stamp_arrivals(there)
    here.send(b"letter")
    monkeypatch.setattr(timestamps, "realtime", lambda: shown)
    assert recv_stamped(there, memoryview(bytearray(100))) == (6, 0.0)


def test_a_system_without_stamps_is_no_error(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timestamps, "_SO_TIMESTAMPNS", 10_000)
    stamp_arrivals(pair[1])
