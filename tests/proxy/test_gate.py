"""A gate listens, stops listening, and keeps its port."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

from tests.proxy.house import House
from tests.proxy.waiting import turns, until
from trixter.proxy import gate as gates
from trixter.proxy.address import bound_socket, listen_sockets, text_of
from trixter.proxy.gate import CAN_STOP_LISTENING, Gate

EVERYWHERE = ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"]


@pytest.fixture(params=[True, False], ids=["stops", "closes"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop listening as this system can, and as those do that cannot."""
    if request.param and not CAN_STOP_LISTENING:
        pytest.skip("here, a socket listens until it is closed")
    monkeypatch.setattr(gates, "CAN_STOP_LISTENING", request.param)


def new_gate(house: House, listen: str = "127.0.0.1:0") -> Gate:
    (sock,) = listen_sockets(listen)
    gate = Gate(sock, house.context.poller)
    house.exits.callback(gate.close)
    return gate


def knock(house: House, gate: Gate) -> str:
    """Connect; return what came of it."""
    host, *rest = gate.address
    there = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    client = house.exits.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
    return errno.errorcode.get(client.connect_ex((there, *rest)), "connected")


def take_port(gate: Gate, *, is_polite: bool) -> socket.socket:
    """Listen where the gate is, as another program would."""
    family = socket.AF_INET6 if ":" in gate.address[0] else socket.AF_INET
    thief = socket.socket(family)
    try:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(is_polite))
        thief.bind(gate.address)
        thief.listen()
    except OSError:
        thief.close()
        raise
    return thief


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("listen", EVERYWHERE)
async def test_shut_it_refuses_and_open_again_it_is_the_same_port(house: House, listen: str) -> None:
    gate = new_gate(house, listen)
    before = str(gate)
    for _ in range(3):
        assert knock(house, gate) == "ECONNREFUSED"
        gate.open()
        assert knock(house, gate) == "connected"
        gate.shut()
        gate.shut()
    assert knock(house, gate) == "ECONNREFUSED"
    assert str(gate) == before


@pytest.mark.skipif(not CAN_STOP_LISTENING, reason="here, only the system's own rules keep a port")
@pytest.mark.parametrize("is_polite", [True, False])
@pytest.mark.parametrize("listen", EVERYWHERE)
async def test_while_it_is_shut_nobody_else_can_have_the_port(
    house: House, listen: str, is_polite: bool
) -> None:
    gate = new_gate(house, listen)
    gate.open()
    gate.shut()
    with pytest.raises(OSError, match="already in use"):
        take_port(gate, is_polite=is_polite)


@pytest.mark.usefixtures("either_way")
async def test_connections_that_were_accepted_outlive_it(house: House) -> None:
    gate = new_gate(house)
    accepted: list[socket.socket] = []

    def accept(listening: socket.socket, family: int) -> None:
        assert family == socket.AF_INET
        accepted.append(house.exits.enter_context(listening.accept()[0]))

    gate.open()
    gate.watch(accept)
    client = house.exits.enter_context(socket.create_connection(gate.address))
    await until(lambda: accepted)
    gate.shut()
    accepted[0].send(b"still here")
    assert client.recv(100) == b"still here"
    gate.open()
    gate.watch(accept)
    assert knock(house, gate) == "connected"
    await until(lambda: len(accepted) == 2)


@pytest.mark.usefixtures("either_way")
async def test_shut_it_calls_nobody(house: House) -> None:
    gate = new_gate(house)
    calls: list[Any] = []
    gate.open()
    gate.watch(lambda *args: calls.append(args))
    knock(house, gate)
    gate.shut()  # whoever waits to be accepted is refused as well
    await turns()
    assert calls == []


async def test_told_to_rest_it_lets_them_wait(house: House) -> None:
    gate = new_gate(house)
    calls: list[Any] = []
    gate.open()
    gate.watch(lambda *args: calls.append(args))
    gate.rest()
    assert knock(house, gate) == "connected"
    await turns()
    assert calls == []
    gate.watch(lambda *args: calls.append(args))
    await until(lambda: calls)


async def test_a_port_that_was_taken_meanwhile_cannot_be_opened_until_it_is_free(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "CAN_STOP_LISTENING", False)
    gate = new_gate(house)
    gate.open()
    gate.shut()
    with take_port(gate, is_polite=True):
        with pytest.raises(OSError, match="already in use"):
            gate.open()
        gate.shut()
    gate.open()
    assert knock(house, gate) == "connected"


async def test_a_port_that_was_lost_while_it_was_shut_is_asked_for_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "CAN_STOP_LISTENING", False)
    gate = new_gate(house)
    gate.open()

    def refused(*args: object) -> socket.socket:
        raise OSError(errno.EADDRINUSE, "Address already in use")

    with monkeypatch.context() as patch:
        patch.setattr(gates, "bound_socket", refused)
        gate.shut()
        with pytest.raises(OSError, match="already in use"):
            gate.open()
    gate.open()
    assert knock(house, gate) == "connected"


async def test_closed_it_gives_the_port_back(house: House) -> None:
    gate = new_gate(house)
    gate.open()
    gate.shut()
    gate.close()
    gate.close()
    bound_socket(socket.AF_INET, gate.address).close()
    assert str(gate) == text_of(gate.address)
