"""Recent events: the last of a proxy, and the faults in force when a test began to fail."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest

from tests.testing.echo import connect, say
from trixter.faults import Latency
from trixter.testing import ChaosProxy
from trixter.testing.recent_events import KEPT

SLOW = "Latency(delay_s=0.001), both ways"


def told(proxy: ChaosProxy) -> list[str]:
    """Return the recent events, without times and ports."""
    lines = proxy.background.call(proxy.background.events.lines)
    return [re.sub(r"^\+\d+\.\d{3} s  |, from 127.*", "", line) for line in lines]


def in_force(proxy: ChaosProxy, exc: BaseException | None) -> list[str]:
    return proxy.background.call(lambda: proxy.background.events.in_force(proxy.background.proxy, exc))


def test_connections_and_changes_stand_in_their_order(echo: str) -> None:
    with ChaosProxy(echo) as proxy:
        with connect(proxy) as client:
            say(client, b"hello")
            with proxy.latency(0.001):
                proxy.connections()[0].clear(direction="upstream")
            proxy.connection_duration(60)
            proxy.down()
        proxy.wait_for_no_connections()
        assert told(proxy) == [
            "connection 1 opened",
            f"new connections: {SLOW}",
            "connection 1: upstream none; downstream Latency(delay_s=0.001)",
            "new connections: none",
            "new connections: none; reset at the age of 60 s",
            "availability: down",
            "connection 1 ended: proxy down; 5 B up, 5 B down",
        ]


def test_only_the_last_events_are_kept_and_the_others_counted(echo: str) -> None:
    with ChaosProxy(echo) as proxy:
        for _ in range(KEPT + 5):
            proxy.clear()
        assert told(proxy) == ["(5 earlier ones)", *["new connections: none"] * KEPT]
        proxy.background.events.start_over()
        assert told(proxy) == []


def test_what_is_in_force_is_what_is_in_force_now(echo: str) -> None:
    with ChaosProxy(echo) as proxy:
        assert in_force(proxy, None) == in_force(proxy, ValueError()) == ["none"]
        proxy.latency(0.001)
        proxy.refuse()
        assert in_force(proxy, None) == [SLOW, "new connections are refused: refusing"]


def test_an_exception_that_takes_faults_back_is_told_with_them(echo: str) -> None:
    with ChaosProxy(echo) as proxy:
        with pytest.raises(ValueError) as caught, proxy.latency(0.001), proxy.refuse():  # noqa: PT011
            raise ValueError
        assert in_force(proxy, None) == ["none"]
        assert in_force(proxy, caught.value) == [SLOW, "new connections are refused: refusing"]


def test_an_exception_that_was_made_of_it_is_told_with_them_too(echo: str) -> None:
    with ChaosProxy(echo) as proxy:
        first: BaseException | None = None
        try:
            with proxy.latency(0.001):
                raise ValueError
        except ValueError as exc:
            first = exc
        caused = KeyError()
        caused.__cause__ = first
        assert in_force(proxy, BaseExceptionGroup("of a task group", [OSError(), caused])) == [SLOW]


def test_an_exception_that_was_expected_is_forgotten_with_the_next(echo: str) -> None:
    with ChaosProxy(echo) as proxy:
        with suppress(ValueError), proxy.latency(0.001):
            raise ValueError
        with pytest.raises(KeyError) as caught, proxy.refuse():
            raise KeyError
        assert in_force(proxy, caught.value) == ["none", "new connections are refused: refusing"]


def test_reading_within_a_failure_changes_nothing(echo: str) -> None:
    with ChaosProxy(echo) as proxy:
        failure = ValueError()
        with suppress(ValueError):
            try:
                raise failure
            finally:
                assert proxy.stats().connections_open == 0
                proxy.latency(0.001)
        assert in_force(proxy, failure) == ["none"]


def test_connections_with_faults_of_their_own_are_told(echo: str) -> None:
    with ChaosProxy(echo) as proxy:
        clients = [connect(proxy) for _ in range(12)]
        for client in clients:
            say(client, b"hello")
        for connection in proxy.connections():
            connection.set_faults(Latency(delay_s=0.001, jitter_s=0.0005), direction="downstream")
        lines = in_force(proxy, None)
        assert lines[1] == "connection 1: upstream none; downstream Latency(delay_s=0.001, jitter_s=0.0005)"
        assert lines[11:] == ["and 2 more connections with faults of their own"]
        for client in clients:
            client.close()
