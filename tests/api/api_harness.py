"""The API of a real proxy, with a real server behind it and clients in front of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import httpx2

from tests.proxy.servers import silent_server
from trixter.addresses import text_of
from trixter.api import create_app
from trixter.control.controller import Controller
from trixter.faults import Direction, Faults
from trixter.proxy import Connection, Defaults, Proxy

API = "http://127.0.0.1:8888"

JSON = {"content-type": "application/json"}


class ApiHarness:
    """Clients that talk through a proxy to an echo server, and an API client without a socket."""

    def __init__(self, controller: Controller, http: httpx2.AsyncClient, exits: AsyncExitStack) -> None:
        self.controller = controller
        self.proxy = controller.proxy
        self.http = http
        self._exits = exits
        self._readers: dict[str, asyncio.StreamReader] = {}
        self._clients: dict[str, asyncio.StreamWriter] = {}

    async def connect(self) -> Connection:
        """Open a connection through the proxy; it is live when this returns."""
        host, _, port = self.proxy.listen_addresses[0].rpartition(":")
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        self._exits.callback(writer.close)
        writer.write(b"!")
        await reader.readexactly(1)  # through the proxy and back, so it is known
        client = text_of(writer.get_extra_info("sockname"))
        connection = next(each for each in self.proxy.registry if each.client == client)
        self._readers[connection.id] = reader
        self._clients[connection.id] = writer
        return connection

    async def dial_in_vain(self) -> Connection:
        """Open a connection whose upstream does not answer; it is dialling when this returns."""
        silent = silent_server(self._exits)
        self.proxy.dial_target = replace(self.proxy.dial_target, literal=(silent.sock.family, silent.address))
        host, _, port = self.proxy.listen_addresses[0].rpartition(":")
        _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        self._exits.callback(writer.close)
        client = text_of(writer.get_extra_info("sockname"))
        while not (found := [each for each in self.proxy.registry.dialling if each.client == client]):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
        return found[0]

    async def send(self, connection: Connection, data: bytes) -> None:
        """Let the client send; it has passed upstream when this returns."""
        pipe = connection.pipe(Direction.UPSTREAM)
        before = pipe.forwarded_bytes
        self._clients[connection.id].write(data)
        while pipe.forwarded_bytes < before + len(data):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)

    async def receive_reset(self, connection: Connection) -> bool:
        """Return whether the client was reset; otherwise it has received EOF."""
        try:
            await self._readers[connection.id].read()
        except ConnectionResetError:
            return True
        return False

    async def send_until_held(self, connection: Connection) -> None:
        """Let the client send until the proxy holds something."""
        self._clients[connection.id].write(b"held")
        while not connection.pipe(Direction.UPSTREAM).held_bytes:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)

    def id_of(self, name: str) -> str:
        """Return the id of a connection for ``live``; any other name as it is."""
        return next(iter(self.proxy.registry)).id if name == "live" else name

    async def patch(self, path: str, body: object) -> tuple[int, object]:
        """Send a PATCH and return the status, and the error if there is one."""
        answer = await self.http.patch(path, json=body)
        return answer.status_code, answer.json()["error"] if answer.content else None

    def faults(self) -> list[tuple[Faults, Faults]]:
        """Return the faults of every connection, both directions, and the defaults last."""
        live = [
            (c.pipe(Direction.UPSTREAM).faults, c.pipe(Direction.DOWNSTREAM).faults)
            for c in self.proxy.registry
        ]
        return [*live, (self.proxy.defaults.upstream, self.proxy.defaults.downstream)]


@asynccontextmanager
async def new_harness(
    defaults: Defaults | None = None, *, listen: str = "127.0.0.1:0"
) -> AsyncIterator[ApiHarness]:
    """Start a proxy and its server; stop them afterwards."""
    async with AsyncExitStack() as exits:
        server = await asyncio.start_server(_echo, "127.0.0.1", 0)
        exits.callback(server.close)
        host, port = server.sockets[0].getsockname()
        proxy = Proxy(listen=listen, upstream=f"{host}:{port}", seed=1, defaults=defaults)
        proxy.bind()
        exits.callback(proxy.stop)
        proxy.start()
        controller = Controller(proxy)
        http = await exits.enter_async_context(client_of(controller))
        async with AsyncExitStack() as clients:
            yield ApiHarness(controller, http, clients)


def client_of(
    controller: Controller, token: str | None = None, names: tuple[str, ...] = ()
) -> httpx2.AsyncClient:
    """Return an HTTP client of a proxy's API that needs no socket."""
    transport = httpx2.ASGITransport(app=create_app(controller, token=token, names=names))
    return httpx2.AsyncClient(transport=transport, base_url=API)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except ConnectionError:
        pass
    finally:
        writer.close()
