"""Observers are told of connections, in order and after the log, and can harm none of them."""

from __future__ import annotations

import logging

import pytest

from tests.proxy.peers import Peer
from tests.proxy.proxy_harness import ProxyHarness
from tests.proxy.servers import dead_address
from tests.proxy.waiting import until
from trixter.addresses import text_of
from trixter.faults import Direction
from trixter.proxy import Connection, EndReason, Observer, Proxy
from trixter.proxy.observers import LogObserver


class Diary:
    """Write down what is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def on_opened(self, connection: Connection) -> None:
        self.lines.append(f"{connection.number} opened")

    def on_ended(self, connection: Connection, end_reason: EndReason) -> None:
        passed = connection.forwarded_bytes(Direction.UPSTREAM)
        self.lines.append(f"{connection.number} ended: {end_reason}, {passed} B up")


class Clumsy:
    """Fail at everything."""

    def on_opened(self, connection: Connection) -> None:
        raise ZeroDivisionError

    def on_ended(self, connection: Connection, end_reason: EndReason) -> None:
        raise ZeroDivisionError


def observed(proxy_harness: ProxyHarness, *observers: Observer, upstream: str | None = None) -> Proxy:
    upstream = upstream or text_of(proxy_harness.server.address)
    proxy = Proxy(listen="127.0.0.1:0", upstream=upstream, seed=1, observers=observers)
    proxy_harness.exits.callback(proxy.stop)
    proxy.bind()
    proxy.start()
    return proxy


async def exchange(client: Peer, server: Peer) -> None:
    client.send(b"12345")
    assert await server.receive(5) == b"12345"


async def test_it_hears_of_each_connection_that_opens_and_ends(proxy_harness: ProxyHarness) -> None:
    diary = Diary()
    proxy = observed(proxy_harness, diary)
    client, server = await proxy_harness.pair(proxy)
    await exchange(client, server)
    await proxy_harness.pair(proxy)
    client.reset()
    await until(lambda: len(diary.lines) == 3)
    proxy.stop()
    assert diary.lines == [
        "1 opened",
        "2 opened",
        "1 ended: reset by client, 5 B up",
        "2 ended: proxy stopped, 0 B up",
    ]


async def test_it_hears_of_the_end_of_one_that_never_opened(proxy_harness: ProxyHarness) -> None:
    diary = Diary()
    proxy_harness.client(observed(proxy_harness, diary, upstream=dead_address()))
    await until(lambda: diary.lines)
    assert diary.lines == ["1 ended: upstream unreachable: Connection refused, 0 B up"]


async def test_what_it_raises_is_logged_and_the_connections_go_on(
    proxy_harness: ProxyHarness, caplog: pytest.LogCaptureFixture
) -> None:
    proxy = observed(proxy_harness, Clumsy())
    client, server = await proxy_harness.pair(proxy)
    await exchange(client, server)
    proxy.stop()
    assert proxy.registry.ended == {"proxy stopped": 1}
    words = "an observer of connections: internal error"
    assert [record.getMessage() for record in caplog.records] == [words, words]
    assert all(record.exc_info for record in caplog.records)


async def test_each_hears_of_everything_whatever_another_makes_of_it(
    proxy_harness: ProxyHarness, caplog: pytest.LogCaptureFixture
) -> None:
    diaries = Diary(), Diary()
    proxy = observed(proxy_harness, diaries[0], Clumsy(), diaries[1])
    await proxy_harness.pair(proxy)
    proxy.stop()
    assert diaries[0].lines == diaries[1].lines == ["1 opened", "1 ended: proxy stopped, 0 B up"]


async def test_the_log_is_one_of_them(proxy_harness: ProxyHarness, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="trixter.proxy")
    proxy = observed(proxy_harness)
    (log_observer,) = proxy.observers
    assert isinstance(log_observer, LogObserver)
    await proxy_harness.pair(proxy)
    proxy.observers.remove(log_observer)
    await proxy_harness.pair(proxy)
    assert len([record for record in caplog.records if "opened" in record.getMessage()]) == 1
