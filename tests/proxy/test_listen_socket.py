"""A listening listens, stops listening, and keeps its port."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

from tests.proxy.connection_harness import ConnectionHarness
from tests.proxy.waiting import turns, until
from trixter.addresses import text_of
from trixter.proxy import listen_socket as listen_socket
from trixter.proxy.listen_socket import CAN_STOP_LISTENING, ListenSocket, bound_socket, listen_sockets

EVERYWHERE = ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"]


@pytest.fixture(params=[True, False], ids=["stops", "closes"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop listening as this system can, and as those do that cannot."""
    if request.param and not CAN_STOP_LISTENING:
        pytest.skip("here, a socket listens until it is closed")
    monkeypatch.setattr(listen_socket, "CAN_STOP_LISTENING", request.param)


def new_socket(harness: ConnectionHarness, listen: str = "127.0.0.1:0") -> ListenSocket:
    (sock,) = listen_sockets(listen)
    listening = ListenSocket(sock, harness.context.poller)
    harness.exits.callback(listening.close)
    return listening


def connect_client(harness: ConnectionHarness, listening: ListenSocket) -> str:
    """Connect; return what came of it."""
    host, *rest = listening.address
    there = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    client = harness.exits.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
    return errno.errorcode.get(client.connect_ex((there, *rest)), "connected")


def take_port(listening: ListenSocket, *, is_polite: bool) -> socket.socket:
    """Listen where the listening is, as another program would."""
    family = socket.AF_INET6 if ":" in listening.address[0] else socket.AF_INET
    thief = socket.socket(family)
    try:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(is_polite))
        thief.bind(listening.address)
        thief.listen()
    except OSError:
        thief.close()
        raise
    return thief


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("listen", EVERYWHERE)
async def test_shut_it_refuses_and_open_again_it_is_the_same_port(
    harness: ConnectionHarness, listen: str
) -> None:
    listening = new_socket(harness, listen)
    before = str(listening)
    for _ in range(3):
        assert connect_client(harness, listening) == "ECONNREFUSED"
        listening.listen()
        assert connect_client(harness, listening) == "connected"
        listening.unlisten()
        listening.unlisten()
    assert connect_client(harness, listening) == "ECONNREFUSED"
    assert str(listening) == before


@pytest.mark.skipif(not CAN_STOP_LISTENING, reason="here, only the system's own rules keep a port")
@pytest.mark.parametrize("is_polite", [True, False])
@pytest.mark.parametrize("listen", EVERYWHERE)
async def test_while_it_is_shut_nobody_else_can_have_the_port(
    harness: ConnectionHarness, listen: str, is_polite: bool
) -> None:
    listening = new_socket(harness, listen)
    listening.listen()
    listening.unlisten()
    with pytest.raises(OSError, match="already in use"):
        take_port(listening, is_polite=is_polite)


@pytest.mark.usefixtures("either_way")
async def test_connections_that_were_accepted_outlive_it(harness: ConnectionHarness) -> None:
    listening = new_socket(harness)
    accepted: list[socket.socket] = []

    def accept(listening: socket.socket, family: int) -> None:
        assert family == socket.AF_INET
        accepted.append(harness.exits.enter_context(listening.accept()[0]))

    listening.listen()
    listening.accept_with(accept)
    client = harness.exits.enter_context(socket.create_connection(listening.address))
    await until(lambda: accepted)
    listening.unlisten()
    accepted[0].send(b"still here")
    assert client.recv(100) == b"still here"
    listening.listen()
    listening.accept_with(accept)
    assert connect_client(harness, listening) == "connected"
    await until(lambda: len(accepted) == 2)


@pytest.mark.usefixtures("either_way")
async def test_shut_it_calls_nobody(harness: ConnectionHarness) -> None:
    listening = new_socket(harness)
    calls: list[Any] = []
    listening.listen()
    listening.accept_with(lambda *args: calls.append(args))
    connect_client(harness, listening)
    listening.unlisten()  # connections that wait to be accepted are refused as well
    await turns()
    assert calls == []


async def test_told_to_rest_it_lets_them_wait(harness: ConnectionHarness) -> None:
    listening = new_socket(harness)
    calls: list[Any] = []
    listening.listen()
    listening.accept_with(lambda *args: calls.append(args))
    listening.pause()
    assert connect_client(harness, listening) == "connected"
    await turns()
    assert calls == []
    listening.accept_with(lambda *args: calls.append(args))
    await until(lambda: calls)


async def test_a_port_that_was_taken_meanwhile_cannot_be_opened_until_it_is_free(
    harness: ConnectionHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen_socket, "CAN_STOP_LISTENING", False)
    listening = new_socket(harness)
    listening.listen()
    listening.unlisten()
    with take_port(listening, is_polite=True):
        with pytest.raises(OSError, match="already in use"):
            listening.listen()
        listening.unlisten()
    listening.listen()
    assert connect_client(harness, listening) == "connected"


async def test_a_port_that_was_lost_while_it_was_shut_is_asked_for_again(
    harness: ConnectionHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen_socket, "CAN_STOP_LISTENING", False)
    listening = new_socket(harness)
    listening.listen()

    def refused(*args: object) -> socket.socket:
        raise OSError(errno.EADDRINUSE, "Address already in use")

    with monkeypatch.context() as patch:
        patch.setattr(listen_socket, "bound_socket", refused)
        listening.unlisten()
        with pytest.raises(OSError, match="already in use"):
            listening.listen()
    listening.listen()
    assert connect_client(harness, listening) == "connected"


async def test_closed_it_gives_the_port_back(harness: ConnectionHarness) -> None:
    listening = new_socket(harness)
    listening.listen()
    listening.unlisten()
    listening.close()
    listening.close()
    bound_socket(socket.AF_INET, listening.address).close()
    assert str(listening) == text_of(listening.address)
