"""Peers of a proxy see every end although a forked child has duplicates of the proxy's sockets."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.proxy.forked_children import child_of_python, child_with_all_descriptors
from tests.testing.echo import connect, say
from trixter.testing import ChaosProxy

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

Fork = Callable[[], AbstractContextManager[int]]

ENDS: dict[str, tuple[Callable[[ChaosProxy], object], bool]] = {
    "reset": (lambda proxy: proxy.reset_all(), True),
    "terminate": (lambda proxy: proxy.terminate(1), True),
    "down": (lambda proxy: proxy.down(), True),
    "close": (lambda proxy: proxy.close_all(), False),
    "stop": (lambda proxy: proxy.close(), False),
}


@pytest.fixture(params=["os.fork", "fork in C"])
def forked(request: pytest.FixtureRequest) -> Fork:
    """Return what forks a child that ends with the test: as Python does, or unseen by it."""
    return child_of_python if request.param == "os.fork" else child_with_all_descriptors


@pytest.mark.parametrize("end", ENDS)
def test_the_client_sees_the_end(echo: str, forked: Fork, end: str) -> None:
    order, is_reset = ENDS[end]
    with ChaosProxy(echo) as proxy, connect(proxy) as client:
        client.settimeout(10)
        assert say(client, b"hello") == b"hello"
        with forked():
            order(proxy)
            if end == "terminate":
                client.sendall(b"x")
            if is_reset:
                with pytest.raises(ConnectionResetError):
                    client.recv(1)
            else:
                assert client.recv(1) == b""


def test_both_ends_of_a_connection_arrive_the_last_one_too(forked: Fork) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        ChaosProxy(f"127.0.0.1:{server.getsockname()[1]}") as proxy,
        connect(proxy) as client,
    ):
        upstream, _ = server.accept()
        proxy.wait_for_connection()
        with upstream, forked():
            for sender, receiver in ((client, upstream), (upstream, client)):
                receiver.settimeout(10)
                sender.shutdown(socket.SHUT_WR)
                assert receiver.recv(1) == b""
            proxy.wait_for_no_connections()
            assert proxy.stats().ended == {"closed": 1}


def test_nothing_is_reported_for_a_socket_that_was_closed(echo: str, forked: Fork) -> None:
    with ChaosProxy(echo) as proxy, connect(proxy) as client:
        say(client, b"hello")
        with forked():
            proxy.reset_all()
            poller = proxy.background.proxy.context.poller
            # An epoll that still knew the sockets would report them without end.
            assert proxy.background.call(lambda: poller._epoll.poll(0)) == []  # type: ignore[attr-defined]


def test_the_port_is_free(echo: str, forked: Fork) -> None:
    with ChaosProxy(echo) as proxy:
        address = proxy.host, proxy.port
        with forked():
            proxy.close()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address)
            socket.create_server(address).close()


def test_a_proxy_that_refuses_frees_its_port(echo: str, forked: Fork) -> None:
    with ChaosProxy(echo) as proxy:
        address = proxy.host, proxy.port
        with forked():
            proxy.refuse()
            proxy.close()
            socket.create_server(address).close()


def test_a_child_of_python_lets_go_of_everything(echo: str) -> None:
    with ChaosProxy(echo) as proxy, connect(proxy) as client:
        say(client, b"hello")
        mine = sorted(os.listdir("/proc/self/fd"), key=int)
        with child_of_python() as child:
            kept = set(os.listdir(f"/proc/{child}/fd"))
            parents = {f"socket:[{inode}]" for inode in sockets_of(proxy)}
            links = {os.readlink(f"/proc/{child}/fd/{fd}") for fd in kept}
            assert len(parents) == 3  # the listening one, the client's and the upstream's
            assert not links & parents
        assert len(mine) > len(kept)
        assert say(client, b"goodbye") == b"goodbye"


def sockets_of(proxy: ChaosProxy) -> list[int]:
    """Return the inodes of a proxy's sockets, with one connection."""
    inner = proxy.background.proxy
    (connection,) = inner.registry
    fds = [connection._client.fileno(), inner._sockets[0].fileno()]
    assert connection._upstream is not None
    return [os.fstat(fd).st_ino for fd in [*fds, connection._upstream.fileno()]]
