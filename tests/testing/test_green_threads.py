"""Proxies beside gevent's greenlets, and a clear error under eventlet."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from trixter.testing import ChaosProxy

# In a program of its own: what gevent has patched stays patched.
BESIDE_GREENLETS = """
{before}
from gevent import monkey
monkey.patch_all()

import socket
import threading

import gevent
from gevent.server import StreamServer

from trixter.errors import WaitTimeout
from trixter.testing import Chaos, ChaosProxy

def echo(client, address):
    while data := client.recv(1000):
        client.sendall(data)

server = StreamServer(("127.0.0.1", 0), echo)
server.start()
upstream = f"127.0.0.1:{{server.server_port}}"

def say(proxy, data):
    with socket.create_connection((proxy.host, proxy.port), 10) as client:
        client.sendall(data)
        return client.recv(100)

with ChaosProxy(upstream) as proxy:
    client = gevent.spawn(say, proxy, b"hello")  # runs while this greenlet waits
    proxy.wait_for_connection()
    assert client.get() == b"hello"
    with proxy.latency(0.001):
        assert say(proxy, b"slow") == b"slow"
    proxy.wait_for_no_connections()
    try:
        proxy.wait_for_connection(timeout_s=0.02)
    except WaitTimeout:
        print("in vain")
with Chaos(seed=1) as chaos:
    for _ in range(3):
        assert say(chaos.proxy(upstream), b"hello") == b"hello"
print(proxy.stats().connections_accepted)
"""


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", "import trixter.testing.chaos"], ids=["first", "afterwards"])
def test_a_proxy_runs_beside_greenlets(before: str) -> None:
    program = BESIDE_GREENLETS.format(before=before)
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("in vain\n2\n", "", 0)


def test_where_eventlet_has_patched_threads_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    patcher = SimpleNamespace(is_monkey_patched=lambda module: module == "thread")
    monkeypatch.setitem(sys.modules, "eventlet.patcher", patcher)
    with pytest.raises(RuntimeError, match=r"eventlet has patched threads, .* trixter.Client"):
        ChaosProxy("127.0.0.1:9").start()
