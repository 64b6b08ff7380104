"""The demo's server: a small web server, in a thread of its own."""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from trixter.errors import bind_error
from trixter.monotonic import monotonic

GREETING = b"Hello from the server behind the proxy.\n"
SIZED_PATH = "/bytes/"
MOST_BYTES = 64 * 1024 * 1024
TICKS_PATH = "/ticks"
TICK_S = 1.0


class Handler(BaseHTTPRequestHandler):
    """Answer ``/`` with a greeting, ``/bytes/N`` with N bytes and ``/ticks`` with a line each second."""

    protocol_version = "HTTP/1.1"
    # An answer is one write and leaves at once: what a client measures is the network.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        size = self.path.removeprefix(SIZED_PATH)
        if self.path == "/":
            self._answer(GREETING)
        elif self.path == TICKS_PATH:
            self._tick()
        elif size != self.path and size.isascii() and size.isdigit() and len(size) < len(str(MOST_BYTES)):
            self._answer(counted_bytes(int(size)))
        else:
            self.send_error(HTTPStatus.NOT_FOUND, explain="Try /, /bytes/1000 or /ticks.")

    def _answer(self, body: bytes) -> None:
        # Without a date, so that the same question gets the same bytes.
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
        """Say nothing: the show does."""


class Server(ThreadingHTTPServer):
    """Serve from ``start`` until it is closed, or the program ends."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.closed = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, name="demo upstream", daemon=True)
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def address(self) -> str:
        """Where it listens: ``host:port``."""
        return f"127.0.0.1:{self.server_port}"

    def start(self) -> None:
        """Serve from now on, in a thread."""
        self._thread.start()

    def server_close(self) -> None:
        """Stop serving; a client that stays connected is served until it leaves."""
        self.closed.set()
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        super().server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: connections that break are what the show is about."""


def start(port: int) -> Server:
    """Serve on that port of the loopback address, 0 for a free one.

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
    """Return that many bytes in which every place looks different from its neighbours."""
    lines = b"".join(b"%015d\n" % number for number in range(size_bytes // 16 + 1))
    return lines[:size_bytes]
