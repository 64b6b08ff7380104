"""Addresses are read and written in one form each, and nothing else is taken for one."""

from __future__ import annotations

import socket

import pytest

from trixter.addresses import split_host_port, text_of, unmapped_ip
from trixter.errors import SettingError
from trixter.proxy import Address
from trixter.proxy.resolver import literal_target, resolve


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8181", Address(host="127.0.0.1", port=8181)),
        ("[::1]:8181", Address(host="::1", port=8181)),
        ("[fe80::1%lo]:8181", Address(host="fe80::1%lo", port=8181)),
        ("db.example:0", Address(host="db.example", port=0)),
        ("bücher.example:65535", Address(host="bücher.example", port=65535)),
        ("unix:/run/db.sock", Address(path="/run/db.sock")),
        ("unix:relative path:1", Address(path="relative path:1")),
    ],
)
def test_it_reads_what_it_writes(text: str, address: Address) -> None:
    assert Address.parse(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[0:0:0:0:0:0:0:1]:8181", "[::1]:8181"),
        ("[2001:DB8::00A1]:8181", "[2001:db8::a1]:8181"),
        ("[::FFFF:127.0.0.1]:8181", "[::ffff:127.0.0.1]:8181"),
        ("[::ffff:7f00:1]:8181", "[::ffff:127.0.0.1]:8181"),
        ("[FE80::1%lo]:8181", "[fe80::1%lo]:8181"),
        ("[::1]:08181", "[::1]:8181"),
        ("db.example:" + "0" * 5000 + "80", "db.example:80"),
    ],
)
def test_it_shows_one_form_whatever_was_written(text: str, shown: str) -> None:
    assert str(Address.parse(text)) == shown
    assert Address.parse(text) == Address.parse(shown)


MALFORMED: list[object] = [
    "",
    ":",
    ":80",
    "host",
    "host:",
    "unix:",
    " :80",
    "two words:80",
    "host\t:80",
    "host:http",
    "host:-1",
    "host:+1",
    "host: 80",
    "host:80 ",
    "host:80\n",
    "host:8_0",
    "host:\uff18\uff10",
    "host:65536",
    "host:100000",
    "host:0100000",
    "host:" + "9" * 5000,
    "*:80",
    "host:80:90",
    "http://host:80",
    "::1:80",
    "[::1:80",
    "::1]:80",
    "x[::1]:80",
    "[::1]80",
    "[::1]",
    "[]:80",
    "[:]:80",
    "[host]:80",
    "[127.0.0.1]:80",
    b"host:80",
    80,
    None,
]


@pytest.mark.parametrize("text", MALFORMED, ids=lambda text: repr(text)[:20])
def test_it_refuses_everything_else(text: str) -> None:
    with pytest.raises(SettingError) as refused:
        Address.parse(text, name="--upstream")
    assert (refused.value.name, refused.value.value) == ("--upstream", text)


LOOPBACK = "127.0.0.1:8080"
GENERIC = "host:port, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080"


@pytest.mark.parametrize(
    ("text", "accepts"),
    [
        ("db.example", "host:port with a port, such as db.example:8080"),
        ("db.example:", "host:port with a port, such as db.example:8080"),
        ("8080", f"host:port with a host, such as {LOOPBACK}"),
        (":8080", f"host:port with a host, such as {LOOPBACK}"),
        ("db.example:65536", "host:port with a port from 0 to 65535"),
        ("db.example:0100000", "host:port with a port from 0 to 65535"),
        ("db.example:" + "9" * 5000, "host:port with a port from 0 to 65535"),
        ("http://db.example", "host:port without http://, such as db.example:80"),
        ("https://u:p@db.example/a:1", "host:port without https://, such as db.example:443"),
        ("tcp://db.example:9/", "host:port without tcp://, such as db.example:9"),
        ("tcp://[::1]:9", "host:port without tcp://, such as [::1]:9"),
        ("tcp://db.example", "host:port without tcp://"),
        ("::1:8080", "host:port with an IPv6 address in brackets, such as [::1]:8080"),
        ("db.example:http", GENERIC),
        ("two words:80", GENERIC),
        ("*:80", GENERIC),
        ("x" * 51, GENERIC),
        ("", GENERIC),
    ],
)
def test_a_known_mistake_is_named(text: str, accepts: str) -> None:
    with pytest.raises(SettingError) as refused:
        Address.parse_tcp(text, "address")
    assert refused.value.accepts == accepts


def test_what_only_some_addresses_may_be_is_in_their_text() -> None:
    with pytest.raises(SettingError) as refused:
        Address.parse_listen("8080")
    assert refused.value.accepts == f"host:port with a host, such as {LOOPBACK}, or :8080 for all interfaces"
    with pytest.raises(SettingError) as refused:
        Address.parse_upstream("/run/db.sock")
    assert refused.value.accepts == "a path behind unix:, such as unix:/run/db.sock"


@pytest.mark.parametrize("text", [":8080", "*:8080", ":08080"])
def test_without_a_host_it_is_every_address_of_a_listener(text: str) -> None:
    address = Address.parse_listen(text)
    assert (address, address.is_everywhere, address.is_loopback) == (Address(port=8080), True, False)
    assert str(address) == ":8080"
    assert str(address.reachable()) == LOOPBACK
    assert not Address.parse_listen("0.0.0.0:8080").is_everywhere
    assert not Address(path="/run/db.sock").is_everywhere


@pytest.mark.parametrize("text", ["127.0.0.1:0", "[::1]:0", "db.example:00"])
def test_what_only_stands_for_something_when_listening_is_no_upstream(text: str) -> None:
    with pytest.raises(SettingError, match=r"a port from 1 to 65535, not ") as refused:
        Address.parse_upstream(text)
    assert (refused.value.name, refused.value.value) == ("upstream", text)


@pytest.mark.parametrize("text", ["127.0.0.1:1", "unix:/s", "db.example:65535"])
def test_everything_else_is_an_upstream(text: str) -> None:
    assert Address.parse_upstream(text) == Address.parse(text)


def test_nobody_can_listen_on_a_unix_socket() -> None:
    with pytest.raises(SettingError) as refused:
        Address.parse_tcp("unix:/run/db.sock", "listen")
    assert "unix" not in refused.value.accepts


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("127.0.0.1:80", (socket.AF_INET, ("127.0.0.1", 80))),
        ("[::1]:80", (socket.AF_INET6, ("::1", 80))),
        ("unix:/s", (socket.AF_UNIX, "/s")),
        ("localhost:80", None),
        ("[fe80::1%lo]:80", None),
    ],
)
def test_what_is_no_name_needs_no_resolver(text: str, literal: object) -> None:
    assert literal_target(Address.parse(text)) == literal


def test_a_socket_address_is_written_as_it_would_be_typed() -> None:
    assert text_of(("127.0.0.1", 80)) == "127.0.0.1:80"
    assert text_of(("::1", 80, 0, 0)) == "[::1]:80"
    assert text_of("/run/db.sock") == "unix:/run/db.sock"


def test_a_literal_address_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "getaddrinfo")
    assert resolve(Address.parse("127.0.0.1:80")) == [(socket.AF_INET, ("127.0.0.1", 80))]


def test_a_name_stands_for_all_its_addresses_once_each_in_the_resolvers_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    two = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::2", 80, 0, 0))
    one = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [two, one, two])
    assert resolve(Address.parse("db.example:80")) == [
        (socket.AF_INET6, ("::2", 80, 0, 0)),
        (socket.AF_INET, ("127.0.0.1", 80)),
    ]


@pytest.mark.parametrize("host", ["a..b", "a" * 64, "."])
def test_what_can_be_no_name_is_an_os_error_like_every_failed_lookup(host: str) -> None:
    with pytest.raises(OSError, match="is not a host name"):
        resolve(Address.parse(f"{host}:80"))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("db:5432", ("db", "5432")),
        ("[::1]:80", ("::1", "80")),
        ("*:*", ("*", "*")),
        (":", ("", "")),
        ("::1:80", ("::1", "80")),
    ],
)
def test_a_host_and_a_port_are_split_at_the_last_colon(text: str, parts: tuple[str, str]) -> None:
    assert split_host_port(text) == parts


@pytest.mark.parametrize("text", ["", "db", None, 80, b"db:80"])
def test_without_a_colon_there_is_nothing_to_split(text: object) -> None:
    with pytest.raises(ValueError, match="no host:port"):
        split_host_port(text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "is_loopback"),
    [
        ("127.0.0.1:80", True),
        ("127.9.9.9:80", True),
        ("[::1]:80", True),
        ("unix:/run/s", True),
        ("0.0.0.0:80", False),
        ("[::]:80", False),
        ("10.0.0.1:80", False),
        ("db.example:80", False),
    ],
)
def test_what_only_this_machine_can_connect_to(text: str, is_loopback: bool) -> None:
    assert Address.parse(text).is_loopback == is_loopback


@pytest.mark.parametrize(
    ("text", "near", "reachable"),
    [
        ("127.0.0.1:80", "near.example", "127.0.0.1:80"),
        ("0.0.0.0:80", None, "127.0.0.1:80"),
        ("[::]:80", None, "[::1]:80"),
        ("[::]:80", "near.example", "near.example:80"),
        ("db.example:80", "near.example", "db.example:80"),
        ("unix:/run/s", "near.example", "unix:/run/s"),
    ],
)
def test_what_listens_everywhere_is_reached_where_its_client_is(
    text: str, near: str | None, reachable: str
) -> None:
    assert str(Address.parse(text).reachable(near)) == reachable


@pytest.mark.parametrize(
    ("host", "shown"), [("::ffff:127.0.0.1", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1")]
)
def test_an_ipv4_address_within_ipv6_is_unmapped(host: str, shown: str) -> None:
    assert str(unmapped_ip(host)) == shown
