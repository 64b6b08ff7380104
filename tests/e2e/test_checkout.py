"""A shop under test, which must survive a bad network to its payment service."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from trixter.testing import Chaos

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"paid")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        server.handle_error = lambda *args: None  # type: ignore[method-assign]  # connections will break
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@dataclass
class Payment:
    ok: bool = False
    queued: bool = False


class Client:
    """Keep one connection, and keep for later what cannot be paid now."""

    def __init__(self, url: str) -> None:
        self._http = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)

    def pay(self) -> Payment:
        try:
            self._http.request("POST", "/pay")
            return Payment(ok=self._http.getresponse().read() == b"paid")
        except (OSError, http.client.HTTPException):
            self.close()
            return Payment(queued=True)

    def close(self) -> None:
        self._http.close()


def test_checkout_survives_a_slow_payment_service(chaos: Chaos, service: str) -> None:
    payments = chaos.proxy(service)
    client = Client(payments.url("http"))
    with payments.latency(0.250, jitter_s=0.050):
        assert client.pay().ok
    with payments.down():
        assert client.pay().queued
    assert client.pay().ok  # there is no connection to reset before the client has another one
    payments.connections()[0].reset()
    assert client.pay().queued
    client.close()
    assert payments.stats().connections_accepted == 2
    assert payments.stats().ended == {"proxy down": 1, "reset": 1}
