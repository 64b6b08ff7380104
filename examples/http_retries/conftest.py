"""The server, and a bad network in front of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from shop import Shop

from trixter.testing import Chaos, ChaosProxy


class Prices(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept for the next request

    def do_GET(self) -> None:
        body = b"1200"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None: ...


@pytest.fixture(scope="session")
def price_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Prices) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def prices(chaos: Chaos, price_server: str) -> ChaosProxy:
    return chaos.proxy(price_server)


@pytest.fixture
def shop(prices: ChaosProxy) -> Iterator[Shop]:
    shop = Shop(prices.url("http"))
    yield shop
    shop.close()
