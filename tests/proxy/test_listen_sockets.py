"""Listening addresses are bound, all of them or none, and accept nothing yet."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack

import pytest

from tests.leaks import Belongings
from tests.proxy.descriptors import no_descriptor_free
from tests.proxy.servers import Server, resolve_to, resolve_to_nothing
from trixter.addresses import text_of
from trixter.errors import BindError, OutOfDescriptors, SettingError
from trixter.proxy.listen_socket import listen_sockets


def bound_to(text: str, exits: ExitStack) -> list[str]:
    """Return where ``listen_sockets`` binds."""
    return [text_of(exits.enter_context(sock).getsockname()) for sock in listen_sockets(text)]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_port_0_is_a_free_port(host: str, exits: ExitStack) -> None:
    (address,) = bound_to(f"{host}:0", exits)
    assert address.startswith(f"{host}:")
    assert not address.endswith(":0")


def test_a_name_is_bound_at_all_its_addresses_on_one_port(
    monkeypatch: pytest.MonkeyPatch, exits: ExitStack
) -> None:
    resolve_to(monkeypatch, "127.0.0.1:0", "[::1]:0", "127.0.0.2:0")
    addresses = bound_to("everywhere.example:0", exits)
    port = addresses[0].rpartition(":")[2]
    assert addresses == [f"127.0.0.1:{port}", f"[::1]:{port}", f"127.0.0.2:{port}"]


def test_bound_sockets_are_ready_but_nobody_can_connect_yet(exits: ExitStack) -> None:
    (sock,) = (exits.enter_context(sock) for sock in listen_sockets("127.0.0.1:0"))
    assert not sock.getblocking()
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    with socket.socket() as client:
        assert client.connect_ex(sock.getsockname()) == errno.ECONNREFUSED


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="a rule of Linux")
def test_a_free_port_is_kept_as_if_it_had_been_asked_for_by_its_number(exits: ExitStack) -> None:
    (sock,) = (exits.enter_context(sock) for sock in listen_sockets("127.0.0.1:0"))
    address = sock.getsockname()
    sock.listen()
    sock.shutdown(socket.SHUT_RD)
    sock.listen()
    assert sock.getsockname() == address


def test_an_address_in_use_is_refused_and_leaves_nothing_open(exits: ExitStack) -> None:
    server = Server()
    exits.callback(server.close)
    before = Belongings()
    address = text_of(server.address)
    with pytest.raises(BindError) as refused:
        listen_sockets(address)
    assert (refused.value.address, refused.value.reason) == (address, "address already in use")
    assert before.left_since() == []


def test_one_address_in_use_refuses_the_whole_name(monkeypatch: pytest.MonkeyPatch, exits: ExitStack) -> None:
    server = Server()
    exits.callback(server.close)
    resolve_to(monkeypatch, "127.0.0.2:0", "127.0.0.1:0")
    before = Belongings()
    with pytest.raises(BindError):
        listen_sockets(f"half.example:{server.address[1]}")
    assert before.left_since() == []


def test_an_address_of_a_name_that_this_machine_lacks_is_left_out(
    monkeypatch: pytest.MonkeyPatch, exits: ExitStack
) -> None:
    resolve_to(monkeypatch, "192.0.2.1:0", "127.0.0.1:0")
    (address,) = bound_to("localhost:0", exits)
    assert address.startswith("127.0.0.1:")


def test_a_name_of_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "192.0.2.1:0", "[2001:db8::1]:0")
    with pytest.raises(BindError) as refused:
        listen_sockets("elsewhere.example:0")
    assert refused.value.reason == "cannot assign requested address"


def test_a_name_that_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to_nothing(monkeypatch)
    with pytest.raises(BindError, match="name or service not known"):
        listen_sockets("nowhere.example:80")


def test_what_can_be_no_name_is_refused() -> None:
    with pytest.raises(BindError, match="not a host name"):
        listen_sockets("a..b:80")


def test_a_full_descriptor_table_is_refused() -> None:
    with no_descriptor_free(), pytest.raises(OutOfDescriptors, match="too many open files") as refused:
        listen_sockets("127.0.0.1:0")
    assert "127.0.0.1" not in str(refused.value)  # the address is not at fault


def test_what_is_no_address_is_a_setting_error() -> None:
    with pytest.raises(SettingError) as refused:
        listen_sockets("8080", "api")
    assert refused.value.name == "api"
