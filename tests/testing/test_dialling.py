"""A proxy beside a test knows of connections whose upstream has not answered, and of their end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from importlib.metadata import version

import pytest

from tests.proxy.descriptors import no_descriptor_free
from tests.proxy.servers import silent_server
from tests.testing.echo import connect, say
from trixter.addresses import text_of
from trixter.control.commands import ListConnections
from trixter.errors import OutOfDescriptors, SettingError, WaitTimeout
from trixter.faults import NO_FAULTS
from trixter.proxy.closing import close_with_reset
from trixter.testing import Chaos, ChaosProxy


@pytest.fixture
def exits() -> Iterator[ExitStack]:
    """Close what a test opens."""
    with ExitStack() as exits:
        yield exits


def test_a_client_that_resets_meanwhile_is_waited_for_and_counted(exits: ExitStack) -> None:
    with ChaosProxy(text_of(silent_server(exits).address)) as proxy:
        client = connect(proxy)
        assert proxy.wait_for(lambda stats: stats.connections_accepted == 1).connections_open == 0
        with pytest.raises(WaitTimeout, match="1 dialling"):
            proxy.wait_for_no_connections(timeout_s=0)
        (info,) = proxy.background.send(ListConnections("dialling")).result()
        assert info.state == "dialling"
        assert set(info.faults.values()) == {NO_FAULTS}
        assert set(info.forwarded_bytes.values()) == set(info.held_bytes.values()) == {0}
        assert proxy.connection(info.id).info.state == "dialling"
        close_with_reset(client)
        proxy.wait_for_no_connections()
        assert proxy.stats().ended == {"reset by client": 1}


def test_one_can_be_closed_by_its_id(exits: ExitStack) -> None:
    with ChaosProxy(text_of(silent_server(exits).address)) as proxy, connect(proxy) as client:
        proxy.wait_for(lambda stats: stats.connections_dialling == 1)
        (info,) = proxy.background.send(ListConnections("dialling")).result()
        proxy.connection(info.id).close()
        assert client.recv(1) == b""


def test_tuning_reaches_the_proxy(echo: str) -> None:
    with Chaos() as chaos:
        proxy = chaos.proxy(echo, idle_timeout_s=7.0, keepalive_s=3.0, reset_unreachable=True)
        assert proxy.background.proxy.idle_timeout_s == 7.0
        assert proxy.background.proxy.dial_target.options.keepalive_s == 3.0
        assert proxy.background.proxy.dial_target.reset_on_failure
        with connect(proxy) as client:
            assert say(client, b"hello") == b"hello"


def test_an_upstream_that_can_never_be_reached_is_refused() -> None:
    for upstream in ("127.0.0.1:0", "*:80", ":80"):
        with pytest.raises(SettingError, match="upstream must be host:port"):
            ChaosProxy(upstream)


LEAKS = pytest.mark.skipif(version("uvloop").startswith("0.21."), reason="it keeps the epoll of such a loop")


@pytest.mark.parametrize("spare", [0, 1, *(pytest.param(spare, marks=LEAKS) for spare in (2, 3))])
def test_wherever_descriptors_run_out_at_the_start_the_error_says_so(echo: str, spare: int) -> None:
    with no_descriptor_free(spare), pytest.raises(OutOfDescriptors) as refused:
        ChaosProxy(echo).start()
    assert "descriptor" in str(refused.value)


def test_descriptors_that_ran_out_are_not_the_address_s_fault(echo: str) -> None:
    with Chaos() as chaos:
        chaos.proxy(echo)
        for spare in range(2):
            with no_descriptor_free(spare), pytest.raises(OutOfDescriptors) as refused:
                chaos.proxy(echo)
            assert "127.0.0.1" not in str(refused.value)
            assert "descriptor" in str(refused.value)
        with connect(chaos.proxy(echo)) as client:  # nothing is left behind
            assert say(client, b"hello") == b"hello"
