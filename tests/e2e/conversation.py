"""A client and a server with the proxy between them, both driven by the test."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from types import TracebackType

from tests.e2e.measuring import PATIENCE_S, one_way_s
from tests.e2e.trixter_process import Trixter


@dataclass
class Conversation:
    """Both ends of one proxied connection, and its settings.

    One process measures at both ends, so with one clock and without a server's own time.
    """

    trixter: Trixter
    upstream: socket.socket
    client: socket.socket
    server: socket.socket
    id: str = field(init=False)

    def __post_init__(self) -> None:
        host, port = self.client.getsockname()[:2]
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        listed = self.trixter.connections()
        (self.id,) = (each["conn_info"]["id"] for each in listed if each["conn_info"]["downstream"] == shown)

    def change(self, stem: str, **body: object) -> None:
        """Change one fault, now."""
        self.trixter.change(self.id, stem, **body)

    def held_bytes(self) -> dict[str, int]:
        """Return what the proxy holds for each direction."""
        status = self.trixter.api.get(f"/connections/{self.id}").raise_for_status().json()
        return dict(status["held_bytes"])

    def upstream_s(self, message: bytes = b"ping") -> float:
        """Return how long a message takes to the server."""
        return one_way_s(self.client, self.server, message)

    def downstream_s(self, message: bytes = b"ping") -> float:
        """Return how long a message takes to the client."""
        return one_way_s(self.server, self.client, message)

    def another(self) -> Conversation:
        """Have one more, through the same proxy."""
        return converse(self.trixter, self.upstream)

    @contextmanager
    def sending(self, sender: socket.socket, data: bytes) -> Iterator[float]:
        """Send while the test receives; give the time of the start."""
        thread = Thread(target=sender.sendall, args=(data,))
        started_at = time.monotonic()
        thread.start()
        try:
            yield started_at
        finally:
            thread.join()

    def close(self) -> None:
        """Hang up at both ends."""
        self.client.close()
        self.server.close()

    def __enter__(self) -> Conversation:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def converse(trixter: Trixter, upstream: socket.socket) -> Conversation:
    """Connect through the proxy to a listening socket of the test."""
    client = trixter.connect()
    server, _ = upstream.accept()
    server.settimeout(PATIENCE_S)
    if server.family != socket.AF_UNIX:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Conversation(trixter, upstream, client, server)


def listener(host: str = "127.0.0.1", *, backlog: int = 128) -> socket.socket:
    """Listen on a free port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    upstream = socket.create_server((host, 0), family=family, backlog=backlog)
    upstream.settimeout(PATIENCE_S)
    return upstream


@contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[socket.socket]:
    """Run a server in a thread, for one client after another, and shut it down in the end."""

    def accept() -> None:
        with suppress(OSError):  # it was shut down
            while True:
                serve(server.accept()[0])

    with listener() as server:
        thread = Thread(target=accept)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def address_of(upstream: socket.socket) -> str:
    """Write where a socket listens as ``host:port``."""
    host, port = upstream.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
