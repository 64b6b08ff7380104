"""Addresses, ``host:port``, ``[address]:port`` or ``unix:/path``: parse and print them, in one form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from trixter.errors import SettingError

LISTEN_FORM = "host:port, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080"
CONNECT_FORM = "one host and a port from 1 to 65535, such as 127.0.0.1:8181; * and port 0 are for listening"
UPSTREAM_FORM = "host:port, such as 127.0.0.1:8181, [::1]:8181 or db.example:5432, or unix:/path"

HOST = re.compile(r"[^\s:]+")

PORT = re.compile("0*([0-9]{1,5})")

SocketAddress = tuple[Any, ...] | str
"""An address as the socket module takes it: ``(host, port)``, ``(host, port, flow, scope)`` or a path."""


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a server: a host and a port, or the path of a Unix socket.

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
        """Read an address that can be connected to, as ``parse`` does.

        Raises:
            SettingError: Also if the port is 0 or the host is ``*``, which have a meaning for listeners only.
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
        try:
            host, port = split_host_port(text)
        except ValueError:
            raise SettingError(name, text, form) from None
        well_formed = _is_ipv6(host) if text.startswith("[") else HOST.fullmatch(host)
        # Five digits behind the zeros at most: int() refuses very long ones with a text of its own.
        digits = PORT.fullmatch(port)
        if not well_formed or not digits or int(digits[1]) > 65535:
            raise SettingError(name, text, form)
        return cls(host=_canonical(host), port=int(digits[1]))

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else text_of((self.host, self.port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect to it; a name may stand for anything."""
        ip = _ip_of(self.host)
        return bool(self.path) or (ip is not None and ip.is_loopback)

    def reachable(self, near: str | None = None) -> Address:
        """Return the address to connect to; for a listener on all addresses, one of them.

        Args:
            near: The host to use then; ``None`` is this machine.
        """
        ip = _ip_of(self.host)
        if ip is None or not ip.is_unspecified:
            return self
        return replace(self, host=near or ("127.0.0.1" if ip.version == 4 else "::1"))


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """An address to connect to.

    Args:
        host: A name, or an address without brackets.
        port: Its port.
    """

    host: str
    port: int

    @classmethod
    def of(cls, listen: Sequence[str], near: str | None = None) -> ListenAddress:
        """Return the address to connect to, of those a proxy listens on.

        Args:
            listen: The proxy's listening addresses; the first counts.
            near: The host to use if it listens on all addresses; ``None`` is this host.
        """
        first = Address.parse_tcp(listen[0], "listen").reachable(near)
        return cls(first.host, first.port)

    @property
    def address(self) -> str:
        """Both as one: ``127.0.0.1:43210``, ``[::1]:43210``."""
        return text_of((self.host, self.port))

    def url(self, scheme: str, path: str = "") -> str:
        """Return a URL that leads there."""
        slash = "/" if path and not path.startswith("/") else ""
        return f"{scheme}://{self.address}{slash}{path}"


def split_host_port(text: str) -> tuple[str, str]:
    """Return the text before and behind the last colon; the host without the brackets of an IPv6 address.

    Neither part is checked.

    Raises:
        ValueError: If there is no colon, or it is no text.
    """
    host, colon, port = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    if not colon:
        raise ValueError(f"no host:port: {text!r}")
    return (host[1:-1] if host.startswith("[") and host.endswith("]") else host), port


def text_of(address: SocketAddress) -> str:
    """Write a socket's address as ``host:port``; IPv6 in brackets."""
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def unmapped_ip(host: str) -> IPv4Address | IPv6Address:
    """Return an IP address; of one that is an IPv4 address within IPv6 (``::ffff:127.0.0.1``), the IPv4 one.

    A listener on ``[::]`` sees IPv4 clients in that form; users write the IPv4 address.

    Raises:
        ValueError: If the text is no IP address.
    """
    address = ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _canonical(host: str) -> str:
    address = _ip_of(host)
    if address is None:
        return host
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    # Python 3.13 writes these so, too; older ones in hexadecimal digits.
    return f"::ffff:{mapped}" if mapped else str(address)


def _ip_of(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_ipv6(text: str) -> bool:
    address = _ip_of(text)
    return address is not None and address.version == 6
