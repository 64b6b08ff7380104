"""A web application that counts visits in Redis, and answers 503 when Redis does not."""

from __future__ import annotations

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import redis

PORT = 8000

TIMEOUT_S = 0.5

database = redis.Redis.from_url(
    os.environ["REDIS_URL"], socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=None
)


class Visits(BaseHTTPRequestHandler):
    """Answer every request with the number of visits so far."""

    def do_GET(self) -> None:
        try:
            status, text = 200, f"visit {database.incr('visits')}\n"
        except redis.RedisError as exc:
            status, text = 503, f"no database: {exc}\n"
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    ThreadingHTTPServer(("", PORT), Visits).serve_forever()
