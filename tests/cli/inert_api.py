"""An API that accepts everything and does nothing."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.cli.program import PATIENCE_S


@contextmanager
def inert_api(api: str) -> Iterator[str]:
    """Forward GET requests to an API, and accept all changes without making them."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with closing(http.client.HTTPConnection(api, timeout=PATIENCE_S)) as real:
                real.request("GET", self.path)
                answer = real.getresponse().read()
            self.send_response(HTTPStatus.OK)
            self.end_headers()
            self.wfile.write(answer)

        def do_PATCH(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(HTTPStatus.ACCEPTED)
            self.end_headers()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(HTTPStatus.CREATED)
            self.end_headers()
            self.wfile.write(b'{"id":"none"}')

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()
