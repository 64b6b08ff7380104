"""Addresses: reading them, writing them, and listening on them."""

from __future__ import annotations

import errno
import re
import socket
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any

from trixter.errors import SettingError, bind_error
from trixter.proxy.sockets import AS_THE_KERNEL_HAS_THEM

LISTEN_FORM = "host:port, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080"
CONNECT_FORM = "one host and a port from 1 to 65535, such as 127.0.0.1:8181; * and port 0 are for listening"
UPSTREAM_FORM = "host:port, such as 127.0.0.1:8181, [::1]:8181 or db.example:5432, or unix:/path"

# Connections the kernel completes before we accept them. Linux cuts it to net.core.somaxconn.
BACKLOG = 4096

HOST = re.compile(r"[^\s:]+")

PORT = re.compile("0*([0-9]{1,5})")

# An address that this machine does not have, or a whole family: in many containers "localhost" also stands
# for ::1, and there is no IPv6.
NOT_OURS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}

SocketAddress = tuple[Any, ...] | str
"""What the socket module takes: ``(host, port)``, ``(host, port, flow, scope)`` or a path."""

Target = tuple[int, SocketAddress]
"""A socket family and an address in it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Name a server: a host and a port, or the path of a Unix socket.

    An IPv6 address is kept in its shortest form (RFC 5952), as the API and the log show it.

    Args:
        host: A name, an IPv4 or an IPv6 address; empty for a Unix socket.
        port: From 0 to 65535; 0 for a Unix socket.
        path: Of a Unix socket; empty otherwise.
    """

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, text: str, name: str = "upstream") -> Address:
        """Read ``host:port``, ``[address]:port`` or ``unix:/path``.

        Raises:
            SettingError: If the text has none of these forms; it carries ``name``.
        """
        if isinstance(text, str) and text.startswith("unix:") and len(text) > len("unix:"):
            return cls(path=text.removeprefix("unix:"))
        return cls.parse_tcp(text, name, UPSTREAM_FORM)

    @classmethod
    def parse_upstream(cls, text: str, name: str = "upstream") -> Address:
        """Read what can be connected to, as ``parse`` does.

        Raises:
            SettingError: Also if the port is 0 or the host is ``*``, which only stand for something where one
                listens.
        """
        address = cls.parse(text, name)
        if not address.path and (address.port == 0 or address.host == "*"):
            raise SettingError(name, text, CONNECT_FORM)
        return address

    @classmethod
    def parse_tcp(cls, text: str, name: str, form: str = LISTEN_FORM) -> Address:
        """Read ``host:port`` or ``[address]:port``.

        Raises:
            SettingError: If the text has neither form; it carries ``name``.
        """
        if not isinstance(text, str):
            raise SettingError(name, text, form)
        host, colon, port = text.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        if bracketed:
            host = host[1:-1]
        well_formed = colon and _is_ipv6(host) if bracketed else HOST.fullmatch(host)
        # Five digits behind the zeros at most: int() refuses very long ones in words of its own.
        digits = PORT.fullmatch(port)
        if not well_formed or not digits or int(digits[1]) > 65535:
            raise SettingError(name, text, form)
        return cls(host=_canonical(host), port=int(digits[1]))

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else text_of((self.host, self.port))

    @property
    def literal(self) -> Target | None:
        """What to connect to, if that is known without asking a resolver."""
        if self.path:
            return socket.AF_UNIX, self.path
        try:
            version = ip_address(self.host).version
        except ValueError:
            return None
        if "%" in self.host:  # the zone of a link-local address: the resolver knows its number
            return None
        return (socket.AF_INET6 if version == 6 else socket.AF_INET), (self.host, self.port)


def text_of(address: SocketAddress) -> str:
    """Write a socket's address as ``host:port``; IPv6 in brackets."""
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def resolve(address: Address) -> list[Target]:
    """Return what a name stands for, in the resolver's order. Blocks.

    Raises:
        OSError: If it stands for nothing.
    """
    if address.literal is not None:
        return [address.literal]
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except UnicodeError as exc:  # such as an empty label: "a..b"
        raise OSError(f"{address.host!r} is not a host name") from exc
    return list(dict.fromkeys((family, sockaddr) for family, _, _, _, sockaddr in found))


def listen_sockets(text: str, name: str = "listen") -> list[socket.socket]:
    """Bind every address of this machine that ``host:port`` stands for; on port 0, one free port for all.

    Returns:
        Bound, non-blocking sockets that do not listen yet.

    Raises:
        SettingError: If the text is not an address.
        BindError: If one of them cannot be had, or there is none.
    """
    address = Address.parse_tcp(text, name)
    bound: list[socket.socket] = []
    not_ours: OSError | None = None
    port = address.port
    try:
        for family, sockaddr in resolve(address):
            try:
                bound.append(bound_socket(family, (sockaddr[0], port, *sockaddr[2:])))
            except OSError as exc:
                if exc.errno not in NOT_OURS:
                    raise
                not_ours = exc
            else:
                port = bound[-1].getsockname()[1]
        if not_ours is not None and not bound:
            raise not_ours
    except OSError as exc:
        for sock in bound:
            sock.close()
        raise bind_error(text, exc) from exc
    return bound


def bound_socket(family: int, address: SocketAddress) -> socket.socket:
    """Bind a new, non-blocking socket; for port 0, to a free port.

    Raises:
        OSError: If the address cannot be had.
    """
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        AS_THE_KERNEL_HAS_THEM.put_on(sock)  # accepted sockets inherit it, which saves a call for each
        sock.bind(address)
        if address[1] == 0:
            # Linux keeps a port for a socket that stops listening only if it was asked for by its number.
            with sock:
                return bound_socket(family, sock.getsockname())
    except OSError:
        sock.close()
        raise
    return sock


def _canonical(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return host
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    # Python 3.13 writes these so, too; older ones in hexadecimal digits.
    return f"::ffff:{mapped}" if mapped else str(address)


def _is_ipv6(text: str) -> bool:
    try:
        return ip_address(text).version == 6
    except ValueError:
        return False
