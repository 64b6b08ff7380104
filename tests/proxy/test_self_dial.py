"""An upstream that is the proxy's own address is refused at the start."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from benchmarks.ports import unused_ports
from tests.proxy.servers import resolve_to_nothing
from trixter.errors import SettingError
from trixter.proxy import Proxy
from trixter.proxy.listen_socket import bound_socket


@pytest.mark.parametrize(
    ("listen", "upstream"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "localhost"),
        ("localhost", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("0.0.0.0", "127.7.7.7"),
        ("127.0.0.1", "0.0.0.0"),
        ("[::1]", "[::1]"),
        ("[::]", "[::1]"),
        ("[::]", "127.0.0.1"),
        ("127.0.0.1", "[::ffff:127.0.0.1]"),
        ("0.0.0.0", "[::ffff:127.0.0.1]"),
        ("", "127.0.0.1"),
        ("", "[::1]"),
        ("", "localhost"),
        ("", "[::]"),
    ],
)
def test_it_is_refused(listen: str, upstream: str) -> None:
    (port,) = unused_ports(1)
    proxy = Proxy(listen=f"{listen}:{port}", upstream=f"{upstream}:{port}", seed=1)
    with pytest.raises(SettingError, match="must be another address than the proxy listens on") as caught:
        proxy.bind()
    assert caught.value.name == "upstream"
    assert proxy.listen_addresses == []
    bound_socket(socket.AF_INET, ("127.0.0.1", port)).close()  # nothing stays bound


@pytest.mark.parametrize(
    ("listen", "upstream"),
    [("127.0.0.1", "127.0.0.2"), ("0.0.0.0", "192.0.2.1"), ("127.0.0.1", "[::1]"), ("0.0.0.0", "[::1]")],
)
def test_the_same_port_elsewhere_is_not(exits: ExitStack, listen: str, upstream: str) -> None:
    (port,) = unused_ports(1)
    proxy = Proxy(listen=f"{listen}:{port}", upstream=f"{upstream}:{port}", seed=1)
    exits.callback(proxy.stop)
    proxy.bind()


def test_a_name_that_stands_for_nothing_yet_is_not(exits: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = unused_ports(1)
    proxy = Proxy(listen=f"127.0.0.1:{port}", upstream=f"db.example:{port}", seed=1)
    exits.callback(proxy.stop)
    resolve_to_nothing(monkeypatch)
    proxy.bind()


def test_a_unix_socket_is_not(exits: ExitStack) -> None:
    proxy = Proxy(listen="127.0.0.1:0", upstream="unix:/run/db.sock", seed=1)
    exits.callback(proxy.stop)
    proxy.bind()
