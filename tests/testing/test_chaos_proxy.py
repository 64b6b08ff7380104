"""The proxy beside a sync test executes its commands, and leaves nothing behind."""

from __future__ import annotations

import copy
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from tests.proxy.waiting import PATIENCE_S
from tests.testing.echo import connect, say
from trixter.addresses import text_of
from trixter.errors import BindError, ConnectionNotFound, SettingError, WaitTimeout
from trixter.faults import Corrupt, Direction, Faults, Latency
from trixter.profiles import find_profile
from trixter.proxy import Defaults, Proxy
from trixter.testing import ChaosProxy

SLOW = Faults(Latency(delay_s=0.001))


def test_bytes_pass_and_are_counted(echo: str) -> None:
    with ChaosProxy(echo) as proxy, connect(proxy) as client:
        assert say(client, b"hello") == b"hello"
        assert proxy.wait_for_connection().info.client == text_of(client.getsockname())
        assert (proxy.stats().connections_open, proxy.stats().bytes_upstream) == (1, 5)


def test_closed_it_can_still_be_asked_what_it_did(echo: str) -> None:
    with ChaosProxy(echo) as proxy:
        with connect(proxy) as client:
            say(client, b"hello")
        proxy.wait_for_no_connections()
    assert (proxy.stats().connections_accepted, proxy.stats().bytes_downstream) == (1, 5)
    assert proxy.stats().ended == {"closed": 1}
    assert proxy.connections() == []
    assert proxy.address == f"127.0.0.1:{proxy.port}"


def test_closed_it_waits_for_nothing(echo: str) -> None:
    with ChaosProxy(echo) as proxy:
        pass
    with pytest.raises(WaitTimeout):
        proxy.wait_for_connection(timeout_s=3600)


def test_quiet_lets_go_what_is_held_in_order_and_brings_the_faults_back(echo: str) -> None:
    slow = Faults(Latency(delay_s="1h"))
    with ChaosProxy(echo, faults=slow) as proxy, connect(proxy) as client:
        connection = proxy.wait_for_connection()
        connection.throttle(1, direction="downstream")
        client.sendall(b"first ")
        proxy.wait_for(lambda stats: proxy.connections()[0].info.held_bytes[Direction.UPSTREAM])
        client.sendall(b"second")
        with proxy.quiet(), proxy.quiet():
            assert client.recv(12, socket.MSG_WAITALL) == b"first second"
        connection.refresh()
        assert connection.info.faults[Direction.UPSTREAM] == proxy.defaults().upstream == slow


def test_the_connections_of_a_check_do_not_end_the_pause_after_it(echo: str) -> None:
    with ChaosProxy(echo) as proxy:
        until_change = proxy.background.pause(3600)
        whole = proxy.background.pause(3600, until_change=False)
        connect(proxy).close()
        until_change.result()
        proxy.wait_for_no_connections()
        assert not whole.done()
    whole.result()
    with ChaosProxy(echo, latency="1h") as proxy:
        proxy.down()
        with proxy.quiet(), connect(proxy) as client:
            assert proxy.wait_for_recovery(lambda: say(client, b"hello")) == b"hello"


def test_it_has_an_address(echo: str) -> None:
    proxy = ChaosProxy(echo)
    assert "not started" in repr(proxy)
    with pytest.raises(RuntimeError):
        _ = proxy.port
    with proxy:
        assert (proxy.host, proxy.upstream) == ("127.0.0.1", echo)
        assert proxy.url("http", "x") == f"http://127.0.0.1:{proxy.port}/x"
        assert proxy.address in repr(proxy)


def test_start_and_close_are_idempotent(echo: str) -> None:
    proxy = ChaosProxy(echo)
    proxy.start()
    proxy.start()
    connect(proxy).close()
    proxy.close()
    proxy.close()
    with pytest.raises(RuntimeError):
        proxy.start()


def test_one_that_never_started_can_be_closed() -> None:
    ChaosProxy("127.0.0.1:1").close()


def test_a_port_in_use_is_refused_and_nothing_is_left(echo: str) -> None:
    with pytest.raises(BindError):
        ChaosProxy("127.0.0.1:1", listen=echo).start()


def test_what_it_cannot_be_made_of_is_refused() -> None:
    with pytest.raises(SettingError):
        ChaosProxy("nowhere")
    with pytest.raises(SettingError):
        ChaosProxy("127.0.0.1:1", profile="no such profile")


def test_it_ends_also_when_the_body_is_interrupted(echo: str) -> None:
    with pytest.raises(KeyboardInterrupt), ChaosProxy(echo) as proxy, connect(proxy):
        raise KeyboardInterrupt


def test_an_interrupt_while_it_starts_leaves_nothing(echo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(proxy: Proxy, context: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Proxy, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ChaosProxy(echo).start()


def test_one_that_is_never_closed_closes_and_warns(echo: str) -> None:
    proxies = [ChaosProxy(echo).start()]
    background = proxies[0].background
    with pytest.warns(ResourceWarning, match="was not closed"):
        proxies.clear()
    background.close()  # and waits for the thread


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_copy_whose_end_would_close_the_original_is_refused(
    echo: str, duplicate: Callable[[object], object]
) -> None:
    with ChaosProxy(echo) as proxy:
        with pytest.raises(TypeError, match=r"^<ChaosProxy .*> cannot be copied or pickled$"):
            duplicate(proxy)
        with connect(proxy) as client:
            assert say(client, b"hello") == b"hello"


def test_one_that_is_never_closed_does_not_keep_the_program_from_ending() -> None:
    program = "from trixter.testing import ChaosProxy; proxy = ChaosProxy('127.0.0.1:1').start(); print(1)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=PATIENCE_S)
    assert (run.returncode, run.stdout) == (0, b"1\n")


def test_a_method_changes_live_connections_and_new_ones_and_reverts_it(echo: str) -> None:
    with ChaosProxy(echo) as proxy, connect(proxy) as client:
        say(client, b"hello")
        with proxy.latency(0.001, direction="upstream"):
            assert proxy.defaults() == Defaults(upstream=SLOW)
            assert proxy.connections()[0].info.faults[Direction.UPSTREAM] == SLOW
            assert say(client, b"slow") == b"slow"
        assert proxy.defaults() == Defaults()
        assert not any(proxy.connections()[0].info.faults.values())


def test_what_is_held_is_sent_when_it_is_unfrozen(echo: str) -> None:
    with ChaosProxy(echo) as proxy, connect(proxy) as client:
        say(client, b"hello")
        proxy.freeze(direction="downstream")
        client.sendall(b"late")
        proxy.wait_for(lambda stats: stats.bytes_upstream == 9)  # counted without an event
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(1)
        client.settimeout(PATIENCE_S)
        proxy.unfreeze()
        assert client.recv(100) == b"late"


def test_a_proxy_that_refuses_accepts_again_on_the_same_port(echo: str) -> None:
    with ChaosProxy(echo) as proxy, connect(proxy) as client:
        say(client, b"hello")
        with proxy.down():
            with pytest.raises(ConnectionRefusedError):
                connect(proxy)
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        with connect(proxy) as client:
            assert say(client, b"again") == b"again"


def test_one_connection_can_be_changed_and_ended(echo: str) -> None:
    with ChaosProxy(echo) as proxy, connect(proxy) as one, connect(proxy) as other:
        say(one, b"one"), say(other, b"other")
        first, second = proxy.connections()
        with first.latency(0.001):
            first.refresh()
            second.refresh()
            assert [bool(each.info.faults[Direction.UPSTREAM]) for each in (first, second)] == [True, False]
        first.reset()
        with pytest.raises(ConnectionResetError):
            one.recv(1)
        second.close()
        assert other.recv(1) == b""
        for method in (first.reset, first.refresh, first.clear):
            with pytest.raises(ConnectionNotFound):
                method()


def test_all_connections_can_be_ended(echo: str) -> None:
    with ChaosProxy(echo) as proxy, connect(proxy) as client:
        say(client, b"hello")
        proxy.reset_all()
        proxy.wait_for_no_connections()
        assert proxy.stats().ended == {"reset": 1}
        assert "ended: reset: by the test; " in proxy.background.events.lines()[-1]


def test_a_connection_duration_is_for_new_connections(echo: str) -> None:
    with ChaosProxy(echo) as proxy:
        with proxy.connection_duration(0.05), connect(proxy) as client, pytest.raises(ConnectionResetError):
            client.recv(1)
        assert proxy.defaults().connection_duration_s == 0


def test_it_may_begin_with_a_profile_or_with_defaults(echo: str) -> None:
    edge = find_profile("edge")
    with ChaosProxy(
        echo, profile="edge", defaults=Defaults(upstream=SLOW, connection_duration_s=60)
    ) as proxy:
        assert proxy.defaults() == Defaults(
            upstream=edge.upstream, downstream=edge.downstream, connection_duration_s=60
        )
        proxy.clear()
        with proxy.profile("edge"):
            assert proxy.defaults().upstream == edge.upstream
        with proxy.profile(edge):
            assert proxy.defaults().upstream == edge.upstream
        assert proxy.defaults() == Defaults(connection_duration_s=60)


def test_the_same_seed_gives_the_same_results(echo: str) -> None:
    spoilt = []
    for _ in range(2):
        with ChaosProxy(echo, seed=7) as proxy, connect(proxy) as client:
            proxy.set_faults(Corrupt(probability=1), direction="upstream")
            client.sendall(b"hello")
            client.shutdown(socket.SHUT_WR)
            spoilt.append(b"".join(iter(lambda client=client: client.recv(1000), b"")))  # type: ignore[misc]
    assert spoilt[0] == spoilt[1] != b"hello"
    assert ChaosProxy(echo).seed != ChaosProxy(echo).seed


def test_a_waiter_is_woken_by_a_connection_that_comes(echo: str) -> None:
    with ChaosProxy(echo) as proxy:
        clients: list[socket.socket] = []
        thread = threading.Thread(target=lambda: clients.append(connect(proxy)))
        thread.start()
        assert proxy.wait_for_connection().info.upstream == echo
        thread.join()
        clients[0].close()


def test_starting_another_one_loads_nothing_and_takes_one_thread(echo: str) -> None:
    with ChaosProxy(echo):  # the first one loads what there is to load
        pass
    loaded, threads = set(sys.modules), threading.active_count()
    with ChaosProxy(echo):
        assert threading.active_count() == threads + 1
        assert set(sys.modules) == loaded
