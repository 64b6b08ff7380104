"""The demo's client and server.

The client speaks HTTP over a plain socket, so that it sees the bytes as the network delivers them.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from trixter.addresses import Address, text_of
from trixter.cli.formatting import age
from trixter.errors import bind_error
from trixter.monotonic import monotonic

LENGTH = re.compile(rb"content-length: *([0-9]+)\r\n", re.IGNORECASE)
END_OF_HEAD = b"\r\n\r\n"

GREETING = b"Hello from the server behind the proxy.\n"
SIZED_PATH = "/bytes/"
MOST_BYTES = 64 * 1024 * 1024
TICKS_PATH = "/ticks"
TICK_S = 1.0


Progress = Callable[[int], None]
"""Called with the number of bytes received so far."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response, head and body.

    Args:
        pieces: The bytes of each read.
        took_s: From the first byte of the request to the last of the response.
    """

    pieces: list[bytes]
    took_s: float

    @property
    def whole(self) -> bytes:
        """Head and body."""
        return b"".join(self.pieces)

    @property
    def took(self) -> str:
        """The time it took, as text."""
        return age(self.took_s)


class HttpClient:
    """An HTTP client on one connection.

    Args:
        address: The proxy's, ``host:port``.
        timeout_s: How long to wait for one read.
    """

    def __init__(self, address: str, *, timeout_s: float) -> None:
        proxy = Address.parse_tcp(address, "address")
        self._sock = socket.create_connection((proxy.host, proxy.port), timeout=timeout_s)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address = text_of(self._sock.getsockname())

    def get(self, path: str, progress: Progress = lambda received_bytes: None) -> Response:
        """Return the response to one request.

        Args:
            path: The path.
            progress: Called after each read with the number of bytes so far.

        Raises:
            OSError: If the connection is reset.
        """
        return self._exchange(path, "keep-alive", progress)

    def get_until_closed(self, path: str) -> Response:
        """Return all bytes until the server closes, also if they are no HTTP.

        Raises:
            OSError: If the connection is reset.
        """
        return self._exchange(path, "close", lambda received_bytes: None)

    def wait_until_closed(self) -> None:
        """Return when the other side closes.

        Raises:
            OSError: If the connection is reset.
        """
        while self._sock.recv(65536):
            pass

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()

    def _exchange(self, path: str, connection: str, progress: Progress) -> Response:
        pieces: list[bytes] = []
        began_at = monotonic()
        self._sock.sendall(f"GET {path} HTTP/1.1\r\nHost: demo\r\nConnection: {connection}\r\n\r\n".encode())
        while connection == "close" or not _is_complete(b"".join(pieces)):
            piece = self._sock.recv(65536)
            if not piece:
                break
            pieces.append(piece)
            progress(sum(map(len, pieces)))
        return Response(pieces, monotonic() - began_at)


def _is_complete(received: bytes) -> bool:
    head, end, body = received.partition(END_OF_HEAD)
    length = LENGTH.search(head + b"\r\n")
    return bool(end) and length is not None and len(body) >= int(length[1])


class RequestHandler(BaseHTTPRequestHandler):
    """Answer ``/`` with a greeting, ``/bytes/N`` with N bytes and ``/ticks`` with a line each second."""

    protocol_version = "HTTP/1.1"
    # A response is one write and leaves at once: what a client measures is the network.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        size = self.path.removeprefix(SIZED_PATH)
        if self.path == "/":
            self._respond(GREETING)
        elif self.path == TICKS_PATH:
            self._tick()
        elif size != self.path and size.isascii() and size.isdigit() and len(size) < len(str(MOST_BYTES)):
            self._respond(counted_bytes(int(size)))
        else:
            self.send_error(HTTPStatus.NOT_FOUND, explain="Try /, /bytes/1000 or /ticks.")

    def _respond(self, body: bytes) -> None:
        # Without a date, so that the same request gets the same bytes.
        self.send_response_only(HTTPStatus.OK)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _tick(self) -> None:
        self.send_response_only(HTTPStatus.OK)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Connection", "close")
        self.end_headers()
        started_at = monotonic()
        while True:
            self.wfile.write(b"%4.0f s\n" % (monotonic() - started_at))
            self.wfile.flush()
            if self.server.closed.wait(TICK_S):  # type: ignore[attr-defined]  # it is a Server
                return

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: the show does."""


class Server(ThreadingHTTPServer):
    """The demo's server, in a thread of its own, until it is closed or the program ends."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.closed = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, name="demo upstream", daemon=True)
        super().__init__(("127.0.0.1", port), RequestHandler)

    @property
    def address(self) -> str:
        """Its address: ``host:port``."""
        return f"127.0.0.1:{self.server_port}"

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def server_close(self) -> None:
        """Stop accepting; a connected client is served until it closes."""
        self.closed.set()
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        super().server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: broken connections are the subject of the show."""


def start_server(port: int) -> Server:
    """Serve on a port of the loopback address; 0 is a free one.

    Raises:
        BindError: If the port cannot be had.
    """
    try:
        server = Server(port)
    except OSError as exc:
        raise bind_error(f"127.0.0.1:{port}", exc) from exc
    server.start()
    return server


def counted_bytes(size_bytes: int) -> bytes:
    """Return that many bytes, in numbered lines, so that a change at any place is seen."""
    lines = b"".join(b"%015d\n" % number for number in range(size_bytes // 16 + 1))
    return lines[:size_bytes]
