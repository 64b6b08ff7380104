"""An echo server in a thread, and sync clients of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from tests.proxy.waiting import PATIENCE_S
from trixter.addresses import ListenAddress
from trixter.testing import AsyncChaosProxy, ChaosProxy


@contextmanager
def echo_server() -> Iterator[str]:
    """Run an echo server; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as exits:
        thread = threading.Thread(target=_serve, args=(server, exits), name="echo server")
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def connect(where: ChaosProxy | AsyncChaosProxy | ListenAddress) -> socket.socket:
    """Return a connection to a proxy."""
    return socket.create_connection((where.host, where.port), PATIENCE_S)


def say(client: socket.socket, data: bytes) -> bytes:
    """Send data, and return as many bytes of the response."""
    client.sendall(data)
    return receive(client, len(data))


def receive(client: socket.socket, size: int) -> bytes:
    """Return the next bytes, so many, in however many pieces they come; less at the end of the stream.

    ``MSG_WAITALL`` does not do that: it has no effect on a socket with a timeout.
    """
    received = b""
    while len(received) < size and (piece := client.recv(size - len(received))):
        received += piece
    return received


def _serve(server: socket.socket, exits: ExitStack) -> None:
    with suppress(OSError):  # until it is shut down
        while True:
            client = server.accept()[0]
            thread = threading.Thread(target=_send_back, args=(client,), name="echo")
            thread.start()
            exits.callback(thread.join)
            exits.callback(_shut_down, client)


def _send_back(client: socket.socket) -> None:
    with client, suppress(OSError):
        while data := client.recv(1000):
            client.sendall(data)


def _shut_down(client: socket.socket) -> None:
    with suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)
