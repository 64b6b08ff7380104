"""A connection on which no byte moves is ended, if that is asked for."""

from __future__ import annotations

import pytest

from tests.proxy.connection_harness import ConnectionHarness
from tests.proxy.waiting import turns
from trixter.errors import SettingError
from trixter.faults import Faults, Freeze
from trixter.proxy import EndReason
from trixter.proxy.connection import LOOKS, IdleTimeout
from trixter.proxy.tuning import Tuning
from trixter.testing import ManualClock

TIMEOUT_S = 8.0
LOOK_S = TIMEOUT_S / LOOKS


class Watched:
    """An idle time-out, and the counter that it looks at."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.moved = self.calls = 0
        self.timeout = IdleTimeout(self.clock, TIMEOUT_S, lambda: self.moved, self.on_idle)

    def on_idle(self) -> None:
        self.calls += 1


def test_it_calls_once_after_that_time() -> None:
    watched = Watched()
    watched.clock.advance(TIMEOUT_S - 0.001)
    assert watched.calls == 0
    watched.clock.advance(0.001)
    watched.clock.advance(10 * TIMEOUT_S)
    assert watched.calls == 1
    assert watched.clock.next_at is None


def test_what_moves_begins_it_anew_and_it_is_at_most_a_quarter_late() -> None:
    watched = Watched()
    watched.clock.advance(TIMEOUT_S - 0.001)
    watched.moved += 1
    watched.clock.advance(TIMEOUT_S)
    assert watched.calls == 0
    watched.clock.advance(LOOK_S)
    assert watched.calls == 1


def test_cancelled_it_looks_no_more() -> None:
    watched = Watched()
    watched.timeout.cancel()
    watched.timeout.cancel()
    assert watched.clock.next_at is None


async def test_a_silent_connection_is_reset_on_both_sides(harness: ConnectionHarness) -> None:
    harness.idle_timeout_s = TIMEOUT_S
    client, server, _ = harness.connect()
    harness.clock.advance(TIMEOUT_S)
    assert harness.end_reason == EndReason("idle timeout", reset=True)
    assert await client.receive_reset() == b""
    assert await server.receive_reset() == b""
    assert harness.clock.next_at is None


@pytest.mark.parametrize("speaks", ["client", "server"])
async def test_bytes_of_either_side_keep_it(harness: ConnectionHarness, speaks: str) -> None:
    harness.idle_timeout_s = TIMEOUT_S
    client, server, _ = harness.connect()
    speaker, listener = (client, server) if speaks == "client" else (server, client)
    for _ in range(10):
        harness.clock.advance(TIMEOUT_S - 0.001)
        speaker.send(b"x")
        assert await listener.receive(1) == b"x"
    assert harness.end_reason is None


async def test_bytes_that_come_and_are_held_keep_it_but_not_for_ever(harness: ConnectionHarness) -> None:
    harness.idle_timeout_s = TIMEOUT_S
    harness.set_defaults(upstream=Faults(Freeze(is_on=True)))
    client, *_ = harness.connect()
    for _ in range(3):
        harness.clock.advance(TIMEOUT_S - 0.001)
        client.send(b"x")
        await turns()
    assert harness.end_reason is None
    harness.clock.advance(TIMEOUT_S + LOOK_S)
    assert harness.end_reason == EndReason("idle timeout", reset=True)


async def test_it_is_off_unless_asked_for(harness: ConnectionHarness) -> None:
    harness.connect()
    assert harness.clock.next_at is None
    assert Tuning().idle_timeout_s == 0


@pytest.mark.parametrize("name", ["idle_timeout_s", "keepalive_s"])
@pytest.mark.parametrize("value", [-1, float("inf"), float("nan"), True, "1"])
def test_other_times_are_refused(name: str, value: object) -> None:
    with pytest.raises(SettingError) as caught:
        Tuning(**{name: value})  # type: ignore[arg-type]
    assert caught.value.name == name
