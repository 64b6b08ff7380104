"""The upstream may be anywhere, or nowhere."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.proxy.connection_harness import pipes_of
from tests.proxy.proxy_harness import ProxyHarness
from tests.proxy.servers import Server, dead_address, resolve_to, resolve_to_nothing, silent_server
from tests.proxy.waiting import until
from trixter.addresses import text_of
from trixter.faults import Faults, Slice


@pytest.mark.parametrize("kind", ["IPv4", "IPv6", "name", "unix"])
async def test_the_upstream_may_be_anywhere(
    proxy_harness: ProxyHarness, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "db.sock")
    server = Server({"unix": path, "IPv6": "::1"}.get(kind, "127.0.0.1"))
    proxy_harness.exits.callback(server.close)
    resolve_to(monkeypatch, dead_address(), text_of(server.address if kind == "name" else ("127.0.0.1", 1)))
    proxy = proxy_harness.proxy(upstream="db.example:5432" if kind == "name" else text_of(server.address))
    client = proxy_harness.client(proxy)
    await until(lambda: len(proxy.registry))
    there = server.accept()
    proxy_harness.exits.callback(there.close)
    (connection,) = proxy.registry
    for faults in (Faults(), Faults(Slice(size_bytes=1))):
        for pipe in pipes_of(connection):
            pipe.faults = faults
        client.send(b"ping")
        assert await there.receive(4) == b"ping"
        there.send(b"pong")
        assert await client.receive(4) == b"pong"
    there.close()
    assert await client.receive_all() == b""


@pytest.mark.parametrize("upstream", ["dead", "unknown", "silent"])
async def test_an_upstream_that_is_not_there_is_a_warning_and_others_go_on(
    proxy_harness: ProxyHarness,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    upstream: str,
) -> None:
    proxy = proxy_harness.proxy(connect_timeout_s=0.005)
    client, server = await proxy_harness.pair(proxy)
    resolve_to_nothing(monkeypatch)
    silent = text_of(silent_server(proxy_harness.exits).address)
    address = {"dead": dead_address(), "unknown": "nowhere.example:80", "silent": silent}[upstream]
    lost = proxy_harness.client(proxy_harness.proxy(upstream=address, connect_timeout_s=0.005))
    assert await lost.receive_all() == b""
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert address in record.getMessage()
    client.send(b"not my concern")
    assert await server.receive(14) == b"not my concern"
