"""How a child learns where the proxy is: by its environment, and by placeholders in its arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable

from trixter.addresses import ListenAddress

# Not `${port}`: that is a variable of the child's, which may well be a shell.
PLACEHOLDER = re.compile(r"(?<!\$)\{(address|host|port)\}")


class Introduction:
    """Say where a proxy is, in every form that somebody may need.

    Args:
        listening: Where it listens, ``host:port``. Of every address there is, a child uses the loopback's.
        api: Where its API listens; ``None`` if there is none.
        api_token: What the API asks for.
    """

    def __init__(self, listening: str, api: str | None = None, api_token: str | None = None) -> None:
        where = ListenAddress.of([listening])
        self.address, self.host, self.port = where.address, where.host, str(where.port)
        self._api = api
        self._api_token = api_token

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a child gets in addition."""
        variables = {
            "TRIXTER_PROXY_ADDRESS": self.address,
            "TRIXTER_PROXY_HOST": self.host,
            "TRIXTER_PROXY_PORT": self.port,
        }
        if self._api is not None:
            variables["TRIXTER_API_URL"] = ListenAddress.of([self._api]).url("http")
            if self._api_token is not None:
                variables["TRIXTER_API_TOKEN"] = self._api_token
        return variables

    def fill_in(self, arguments: Iterable[str]) -> list[str]:
        """Return the arguments with ``{address}``, ``{host}`` and ``{port}`` filled in."""
        values = {"address": self.address, "host": self.host, "port": self.port}
        return [PLACEHOLDER.sub(lambda found: values[found[1]], argument) for argument in arguments]
