"""The address that clients of a proxy connect to, in each form they need."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from trixter.proxy.address import Address


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Hold the address to connect to.

    Args:
        host: A name, or an address without brackets.
        port: Its port.
    """

    host: str
    port: int

    @classmethod
    def of(cls, listen: Sequence[str], near: str | None = None) -> ListenAddress:
        """Return where to connect to, of the addresses a proxy listens on.

        Args:
            listen: As the proxy says; the first counts.
            near: The host to use where it listens on every address there is; ``None`` is this host.
        """
        first = Address.parse_tcp(listen[0], "listen")
        host = first.host
        if ip_address(host.partition("%")[0]).is_unspecified:
            host = near or ("::1" if ":" in host else "127.0.0.1")
        return cls(host, first.port)

    @property
    def address(self) -> str:
        """Both as one: ``127.0.0.1:43210``, ``[::1]:43210``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def url(self, scheme: str, path: str = "") -> str:
        """Return a URL that leads there."""
        slash = "/" if path and not path.startswith("/") else ""
        return f"{scheme}://{self.address}{slash}{path}"


class Listens(ABC):
    """Say where to connect to."""

    @property
    @abstractmethod
    def listen_address(self) -> ListenAddress:
        """Where it listens, with the real port."""

    @property
    def host(self) -> str:
        """The host to connect to."""
        return self.listen_address.host

    @property
    def port(self) -> int:
        """The port to connect to."""
        return self.listen_address.port

    @property
    def address(self) -> str:
        """Host and port as one: ``127.0.0.1:43210``."""
        return self.listen_address.address

    def url(self, scheme: str, path: str = "") -> str:
        """Return a URL that leads there."""
        return self.listen_address.url(scheme, path)
