"""The address that clients of a proxy connect to, in each form they need."""

from __future__ import annotations

from abc import ABC, abstractmethod

from trixter.addresses import ListenAddress


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
