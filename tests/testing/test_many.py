"""Many proxies one after another, and many connections at once, are no different from one."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.testing.echo import connect, receive, say
from trixter.faults import NO_FAULTS, Direction
from trixter.testing import ChaosProxy

pytestmark = pytest.mark.slow


def test_two_hundred_one_after_another_leave_nothing(echo: str) -> None:
    for number in range(200):
        with ChaosProxy(echo) as proxy, connect(proxy) as client:
            if number % 3 == 0:
                assert say(client, b"hello") == b"hello"
            elif number % 3 == 1:
                proxy.freeze()
                client.sendall(b"hello")
    # What is left is counted by the fixture.


def test_hundreds_of_connections_stay_whole_while_faults_change(echo: str) -> None:
    with ChaosProxy(echo) as proxy, ExitStack() as exits:
        clients = [exits.enter_context(connect(proxy)) for _ in range(300)]
        proxy.wait_for(lambda stats: stats.connections_open == 300, timeout_s=60)
        odd = proxy.connections()[7]
        odd.slice(3)
        with proxy.latency(0.020):
            for client in clients:
                client.sendall(b"hello")
            with proxy.throttle(10_000), proxy.slice(2):
                pass
            assert all(receive(client, 5) == b"hello" for client in clients)
        faults = {each.id: each.info.faults for each in proxy.connections()}
        assert faults.pop(odd.id)[Direction.UPSTREAM] != NO_FAULTS
        assert all(each == dict.fromkeys(Direction, NO_FAULTS) for each in faults.values())
