"""Accepting goes on, whatever happens."""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.proxy.connection_harness import ConnectionHarness
from tests.proxy.descriptors import no_descriptor_free
from tests.proxy.peers import Peer
from tests.proxy.waiting import turns, until
from trixter.addresses import SocketAddress, text_of
from trixter.errors import BindError
from trixter.proxy import listen_socket
from trixter.proxy.descriptors import DescriptorBudget
from trixter.proxy.listen_socket import listen_sockets
from trixter.proxy.listener import ACCEPTS_PER_WAKE, ALMOST_FULL, PAUSE_S, Listener
from trixter.proxy.sockets import Socket


class Listening:
    """A listener, and who came in."""

    def __init__(
        self,
        harness: ConnectionHarness,
        *addresses: str,
        sockets: list[socket.socket] | None = None,
        descriptors: DescriptorBudget | None = None,
    ) -> None:
        self.harness = harness
        self.sockets = sockets or [sock for text in addresses for sock in listen_sockets(text)]
        self.addresses: list[Any] = [sock.getsockname() for sock in self.sockets]
        self.accepted: list[tuple[Socket, SocketAddress]] = []
        self.greet: Callable[[Socket], None] = lambda sock: None
        if descriptors is not None:
            harness.context.descriptors = descriptors
        self.listener = Listener(self.sockets, harness.context, self.on_accepted)
        harness.exits.callback(self.close)

    def on_accepted(self, sock: Socket, peer: SocketAddress) -> None:
        self.greet(sock)
        self.accepted.append((sock, peer))

    def connect_client(self, which: int = 0) -> socket.socket:
        """Connect; the kernel does it whether or not the listener accepts."""
        client = socket.create_connection(self.addresses[which][:2])
        self.harness.exits.callback(client.close)
        return client

    def close(self) -> None:
        self.listener.close()
        for sock, _ in self.accepted:
            sock.close()


class Unlucky(socket.socket):
    """A listening socket whose clients give up before they are accepted, at first."""

    gone = 2

    def _accept(self) -> tuple[int, Any]:
        if self.gone:
            self.gone -= 1
            raise ConnectionAbortedError("Software caused connection abort")
        accepted: tuple[int, Any] = super()._accept()  # type: ignore[misc]
        return accepted


async def test_it_hands_connections_on_with_their_address(harness: ConnectionHarness) -> None:
    listening = Listening(harness, "127.0.0.1:0")
    listening.listener.start()
    client = listening.connect_client()
    await until(lambda: listening.accepted)
    sock, peer = listening.accepted[0]
    assert peer == client.getsockname()
    assert not sock.getblocking()
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_it_listens_on_all_its_addresses(harness: ConnectionHarness) -> None:
    listening = Listening(harness, "127.0.0.1:0", "[::1]:0", "127.0.0.2:0")
    listening.listener.start()
    clients = [listening.connect_client(which) for which in range(3)]
    await until(lambda: len(listening.accepted) == 3)
    assert sorted(sock.getpeername() for sock, _ in listening.accepted) == sorted(
        client.getsockname() for client in clients
    )


async def test_without_a_host_it_listens_on_every_address_and_shows_ipv4_clients_as_such(
    harness: ConnectionHarness,
) -> None:
    listening = Listening(harness, ":0")
    port = listening.addresses[0][1]
    assert listening.addresses == [("0.0.0.0", port), ("::", port, 0, 0)]
    listening.listener.start()
    for host in ("127.0.0.1", "::1"):
        harness.exits.callback(socket.create_connection((host, port)).close)
    await until(lambda: len(listening.accepted) == 2)
    assert sorted(peer[0] for _, peer in listening.accepted) == ["127.0.0.1", "::1"]


async def test_on_a_machine_without_ipv6_every_address_is_one_of_ipv4(
    harness: ConnectionHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = listen_socket.bound_socket

    def without_ipv6(family: int, address: SocketAddress, *, is_v6_only: bool) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        return real(family, address, is_v6_only=is_v6_only)

    monkeypatch.setattr(listen_socket, "bound_socket", without_ipv6)
    assert [host for host, _ in Listening(harness, ":0").addresses] == ["0.0.0.0"]


async def test_a_crowd_is_let_in(harness: ConnectionHarness) -> None:
    listening = Listening(harness, "127.0.0.1:0")
    listening.listener.start()
    for _ in range(2 * ACCEPTS_PER_WAKE + 1):
        listening.connect_client()
    await until(lambda: len(listening.accepted) == 2 * ACCEPTS_PER_WAKE + 1)


async def test_before_it_is_started_nobody_can_connect(harness: ConnectionHarness) -> None:
    listening = Listening(harness, "127.0.0.1:0")
    with pytest.raises(ConnectionRefusedError):
        listening.connect_client()


async def test_a_full_descriptor_table_is_waited_out(
    harness: ConnectionHarness, caplog: pytest.LogCaptureFixture
) -> None:
    listening = Listening(harness, "127.0.0.1:0", "127.0.0.2:0")
    listening.listener.start()
    listening.connect_client(0), listening.connect_client(1)
    with no_descriptor_free():
        await until(lambda: caplog.records)
        assert harness.clock.next_at == harness.clock.time() + PAUSE_S
        for _ in range(3):
            harness.clock.advance(PAUSE_S)
            await turns()
        assert listening.accepted == []
    everywhere = ", ".join(map(text_of, listening.addresses))
    warning = f"cannot accept on {everywhere}: Too many open files; trying again"
    assert [record.getMessage() for record in caplog.records] == [warning]
    harness.clock.advance(PAUSE_S)
    await until(lambda: len(listening.accepted) == 2)
    assert [record.getMessage() for record in caplog.records[1:]] == ["accepting connections again"]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


async def test_a_full_descriptor_table_is_left_alone_between_attempts(
    harness: ConnectionHarness, caplog: pytest.LogCaptureFixture
) -> None:
    listening = Listening(harness, "127.0.0.1:0")
    listening.listener.start()
    listening.connect_client()
    with no_descriptor_free():
        await until(lambda: caplog.records)
    await turns()
    assert listening.accepted == []


async def test_closing_ends_the_wait_for_descriptors(
    harness: ConnectionHarness, caplog: pytest.LogCaptureFixture
) -> None:
    listening = Listening(harness, "127.0.0.1:0")
    listening.listener.start()
    listening.connect_client()
    with no_descriptor_free():
        await until(lambda: caplog.records)
        listening.listener.close()
    assert harness.clock.next_at is None


class Budget(DescriptorBudget):
    """A descriptor budget that the test sets: room for so many connections."""

    room = 0

    def has_room(self, fd: int) -> bool:
        self.room -= 1
        return self.room >= 0


async def test_accepting_stops_before_the_table_is_full_with_one_warning_for_each_shortage(
    harness: ConnectionHarness, caplog: pytest.LogCaptureFixture
) -> None:
    budget = Budget()
    budget.is_tight = True
    listening = Listening(harness, "127.0.0.1:0", descriptors=budget)
    listening.listener.start()
    for _ in range(5):
        listening.connect_client()
    for accepted in range(4):  # a client leaves now and then, and another one is let in
        budget.room = 1 if accepted else 0
        harness.clock.advance(PAUSE_S)
        await until(lambda: budget.room < 0)
        assert len(listening.accepted) == accepted
    warning = f"cannot accept on {text_of(listening.addresses[0])}: {ALMOST_FULL}; trying again"
    assert [record.getMessage() for record in caplog.records] == [warning]
    budget.room = 10
    harness.clock.advance(PAUSE_S)
    await until(lambda: len(listening.accepted) == 5)
    await until(lambda: len(caplog.records) == 2)
    assert caplog.records[1].getMessage() == "accepting connections again"


async def test_far_from_a_full_table_the_kernel_is_not_asked(harness: ConnectionHarness) -> None:
    budget = Budget()
    listening = Listening(harness, "127.0.0.1:0", descriptors=budget)
    listening.listener.start()
    listening.connect_client()
    await until(lambda: listening.accepted)
    assert budget.room == 0


async def test_one_that_was_gone_before_it_was_accepted_is_passed_over(harness: ConnectionHarness) -> None:
    unlucky = Unlucky()
    unlucky.bind(("127.0.0.1", 0))
    unlucky.setblocking(False)
    listening = Listening(harness, sockets=[unlucky])
    listening.listener.start()
    listening.connect_client()
    await until(lambda: listening.accepted)
    assert unlucky.gone == 0


async def test_one_that_cannot_be_dealt_with_is_closed_and_the_next_is_not_its_concern(
    harness: ConnectionHarness, caplog: pytest.LogCaptureFixture
) -> None:
    listening = Listening(harness, "127.0.0.1:0")
    listening.listener.start()
    listening.greet = lambda sock: [].pop()
    client = Peer(listening.connect_client())
    assert await client.receive_all() == b""
    listening.greet = lambda sock: None
    listening.connect_client()
    await until(lambda: listening.accepted)
    (record,) = caplog.records
    assert record.getMessage() == f"connection from {text_of(client.sock.getsockname())}: internal error"
    assert record.exc_info is not None
    assert record.levelno == logging.ERROR


async def test_a_closed_listener_refuses_and_gives_its_port_back(harness: ConnectionHarness) -> None:
    listening = Listening(harness, "127.0.0.1:0")
    listening.listener.start()
    listening.listener.close()
    listening.listener.close()
    with pytest.raises(ConnectionRefusedError):
        listening.connect_client()
    for sock in listen_sockets(text_of(listening.addresses[0])):
        sock.close()


async def test_a_port_that_somebody_else_listens_on_by_now_is_refused(harness: ConnectionHarness) -> None:
    first = Listening(harness, "127.0.0.1:0")
    second = Listening(harness, text_of(first.addresses[0]))
    first.listener.start()
    with pytest.raises(BindError) as refused:
        second.listener.start()
    assert (refused.value.address, refused.value.reason) == (
        text_of(first.addresses[0]),
        "address already in use",
    )


async def test_told_to_rest_it_leaves_the_queue_alone_for_a_moment(
    harness: ConnectionHarness, caplog: pytest.LogCaptureFixture
) -> None:
    listening = Listening(harness, "127.0.0.1:0")
    listening.listener.start()
    listening.listener.rest("Too many open files")
    listening.connect_client()
    await turns()
    assert listening.accepted == []
    harness.clock.advance(PAUSE_S)
    await until(lambda: len(listening.accepted) == 1)
    assert [record.getMessage() for record in caplog.records] == [
        f"cannot accept on {text_of(listening.addresses[0])}: Too many open files; trying again",
        "accepting connections again",
    ]


async def test_a_closed_listener_has_nothing_to_rest_from(
    harness: ConnectionHarness, caplog: pytest.LogCaptureFixture
) -> None:
    listening = Listening(harness, "127.0.0.1:0")
    listening.listener.start()
    listening.listener.close()
    listening.listener.rest("Too many open files")
    assert not caplog.records
    assert harness.clock.next_at is None
