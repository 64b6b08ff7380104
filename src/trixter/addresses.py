"""Addresses, ``host:port``, ``[address]:port`` or ``unix:/path``: parse and print them, in one form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from trixter.errors import SettingError

TCP_FORM = "host:port, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080"
LISTEN_FORM = f"{TCP_FORM}, or :8080 for all interfaces"
UPSTREAM_FORM = "host:port, such as 127.0.0.1:8181, [::1]:8181 or db.example:5432, or unix:/path"

HOST = re.compile(r"[^\s:*]+")

GREATEST_PORT = 65535

# The host of a listener on every address of its machine.
ALL_INTERFACES = {"", "*"}

IPV6_WITHOUT_BRACKETS = re.compile("[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")

URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://([^/?#@]*@)?(?P<host>\[[^]\s]+\]|[^\s:/?#@]+)(?P<port>:[0-9]+)?([/?#].*)?"
)

# Ports of URLs that people have at hand, for an example of what to write instead.
PORTS = {"http": 80, "https": 443, "redis": 6379, "postgres": 5432, "postgresql": 5432, "mysql": 3306}

# An example that repeats more of a mistake makes it no clearer.
MOST_REPEATED = 50

SocketAddress = tuple[Any, ...] | str
"""An address as the socket module takes it: ``(host, port)``, ``(host, port, flow, scope)`` or a path."""


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a server: a host and a port, or the path of a Unix socket.

    An IPv6 address is kept in its shortest form (RFC 5952), as the API and the log show it.

    Args:
        host: A name, an IPv4 or an IPv6 address; empty for a Unix socket, and to listen on all addresses.
        port: From 0 to 65535; 0 for a Unix socket.
        path: Of a Unix socket; empty otherwise.
    """

    host: str = ""
    port: int = 0
    path: str = ""
    _text: str = field(init=False, repr=False, compare=False)  # made once: each line of the log has it

    def __post_init__(self) -> None:
        text = f"unix:{self.path}" if self.path else text_of((self.host, self.port))
        object.__setattr__(self, "_text", text)

    @classmethod
    def parse(cls, text: str, name: str = "upstream") -> Address:
        """Read ``host:port``, ``[address]:port`` or ``unix:/path``.

        Raises:
            SettingError: If the text has none of these forms; it carries ``name``.
        """
        return cls._parse_any(text, name, least_port=0)

    @classmethod
    def parse_upstream(cls, text: str, name: str = "upstream") -> Address:
        """Read an address that can be connected to, as ``parse`` does.

        Raises:
            SettingError: Also if the port is 0, which has a meaning for listeners only.
        """
        return cls._parse_any(text, name, least_port=1)

    @classmethod
    def parse_listen(cls, text: str, name: str = "listen") -> Address:
        """Read an address to listen on, as ``parse_tcp`` does; ``:port`` is every address of the machine.

        Raises:
            SettingError: If the text has none of these forms; it carries ``name``.
        """
        return cls._parse_tcp(text, name, LISTEN_FORM)

    @classmethod
    def parse_tcp(cls, text: str, name: str, *, least_port: int = 0) -> Address:
        """Read ``host:port`` or ``[address]:port``.

        Raises:
            SettingError: If the text has neither form; it carries ``name``.
        """
        return cls._parse_tcp(text, name, TCP_FORM, least_port)

    @classmethod
    def _parse_any(cls, text: str, name: str, least_port: int) -> Address:
        if isinstance(text, str) and text.startswith("unix:") and len(text) > len("unix:"):
            return cls(path=text.removeprefix("unix:"))
        return cls._parse_tcp(text, name, UPSTREAM_FORM, least_port)

    @classmethod
    def _parse_tcp(cls, text: str, name: str, form: str, least_port: int = 0) -> Address:
        try:
            host, port = split_host_port(text)
        except ValueError:
            raise SettingError(name, text, _accepted(text, form)) from None
        if text.startswith("["):
            is_well_formed = _is_ipv6(host)
        elif host in ALL_INTERFACES:
            is_well_formed, host = form is LISTEN_FORM, ""
        else:
            is_well_formed = HOST.fullmatch(host) is not None
        if not is_well_formed or not _is_number(port):
            raise SettingError(name, text, _accepted(text, form))
        # One digit more than a port has, at most: int() refuses very long ones with a text of its own.
        number = int(port.lstrip("0")[: len(str(GREATEST_PORT)) + 1] or "0")
        if not least_port <= number <= GREATEST_PORT:
            raise SettingError(name, text, f"host:port with a port from {least_port} to {GREATEST_PORT}")
        return cls(host=_canonical(host), port=number)

    def __str__(self) -> str:
        return self._text

    @property
    def is_everywhere(self) -> bool:
        """Whether it stands for all addresses of a machine, in both versions of IP."""
        return not self.host and not self.path

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
        ip = _ip_of("0.0.0.0" if self.is_everywhere else self.host)
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


def _accepted(text: object, form: str) -> str:
    """Return what is accepted in place of a malformed address, with its own words if the mistake is known."""
    if not isinstance(text, str) or len(text) > MOST_REPEATED:
        return form
    if url := URL.fullmatch(text):
        port = url["port"] or (f":{PORTS[url['scheme']]}" if url["scheme"] in PORTS else "")
        example = f", such as {url['host']}{port}" if port else ""
        return f"host:port without {url['scheme']}://{example}"
    if IPV6_WITHOUT_BRACKETS.fullmatch(text):
        return "host:port with an IPv6 address in brackets, such as [::1]:8080"
    if _is_number(text.removeprefix(":")):
        everywhere = f", or :{text} for all interfaces" if form is LISTEN_FORM else ""
        return f"host:port with a host, such as 127.0.0.1:{text.removeprefix(':')}{everywhere}"
    if form is UPSTREAM_FORM and (text == "unix:" or text.startswith("/")):
        return f"a path behind unix:, such as unix:{text.removeprefix('unix:') or '/run/db.sock'}"
    if HOST.fullmatch(text.removesuffix(":")) and "/" not in text:
        return f"host:port with a port, such as {text.removesuffix(':')}:8080"
    return form


def _is_number(text: str) -> bool:
    """Return whether a text is plain digits."""
    return text.isascii() and text.isdigit()


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
