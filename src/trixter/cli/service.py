"""The proxy and its API as one thing to bind, start and stop."""

from __future__ import annotations

import asyncio
import logging
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

from trixter.cli.options import Options
from trixter.errors import BindError, TrixterError
from trixter.proxy import Proxy
from trixter.proxy.address import listen_sockets, text_of
from trixter.proxy.memory import Memory

if TYPE_CHECKING:
    from trixter.api import ApiServer

log = logging.getLogger("trixter.cli")


class Service:
    """Hold what one ``trixter`` command runs.

    Args:
        options: What was asked for.
        seed: The root of all luck.
    """

    def __init__(self, options: Options, seed: int) -> None:
        self._options = options
        self.seed = seed
        self.proxy = Proxy(
            listen=options.listen,
            upstream=options.upstream,
            seed=seed,
            defaults=options.defaults(),
            memory=Memory(options.total_limit_bytes),
            **options.tuning(),
        )
        self._api_sockets: list[socket.socket] = []
        self._api: ApiServer | None = None

    @property
    def api_addresses(self) -> list[str]:
        """Where the API listens, once bound."""
        return [text_of(sock.getsockname()) for sock in self._api_sockets]

    def bind(self) -> None:
        """Take every port, and accept nothing yet.

        Raises:
            BindError: If one of them cannot be had.
            SettingError: If the upstream is what the proxy listens on.
        """
        if self._options.api is not None:
            self._api_sockets = listen_sockets(self._options.api, "api")
        try:
            for sock in self._api_sockets:
                # Two sockets that are only bound may share a port. One that listens has it for itself, so
                # a proxy and an API on the same port are told apart here and not when the proxy starts.
                sock.listen()
            self.proxy.bind()
        except OSError as exc:
            self._close_api_sockets()
            raise BindError(str(self._options.api), (exc.strerror or str(exc)).lower()) from exc
        except TrixterError:
            self._close_api_sockets()
            raise

    async def start(self) -> None:
        """Start both; log where they are."""
        self.proxy.start()
        log.info("listening on %s → upstream %s", ", ".join(self.proxy.listen_addresses), self.proxy.upstream)
        if self._api_sockets:
            await self._start_api()
        for address in self.api_addresses:
            log.info("API on http://%s", address)
            if self._options.api_token is None and not _is_loopback(address):
                log.warning(
                    "everyone who reaches http://%s can turn the knobs: --api-token asks for a token", address
                )

    async def _start_api(self) -> None:
        # A web framework takes as long to import as all the rest to start: bytes flow meanwhile.
        await asyncio.to_thread(_import_api)
        from trixter.api import ApiServer, create_app
        from trixter.control.controller import Controller

        app = create_app(Controller(self.proxy), token=self._options.api_token, names=self._options.api_name)
        server = self._api = ApiServer(app, self._api_sockets)
        await server.start()

    async def stop(self) -> None:
        """Stop both at once; every connection ends. Does nothing more when called again."""
        self.proxy.stop()
        if self._api is not None:
            api, self._api = self._api, None
            await api.stop()
        self._close_api_sockets()

    def _close_api_sockets(self) -> None:
        for sock in self._api_sockets:
            sock.close()
        self._api_sockets = []


def _import_api() -> None:
    from trixter.api import ApiServer, create_app  # noqa: F401 - to have imported it


def _is_loopback(address: str) -> bool:
    return ip_address(address.rpartition(":")[0].strip("[]")).is_loopback
