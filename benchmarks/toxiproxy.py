"""Toxiproxy (Shopify, in Go); its toxics are set over its API."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from benchmarks.network import Network
from benchmarks.peers import INSTALLED, TOXIPROXY, Peer, Relay
from benchmarks.ports import unused_ports
from benchmarks.process import Failed, Program, running

# A program that `go install` built knows no version of its own ("git"), but the Go linker wrote down
# what it was made from.
MADE_FROM = re.compile(rb"mod\tgithub\.com/Shopify/toxiproxy/v2\tv([0-9.]+)")

MOST_SECONDS_TO_ANSWER = 5.0


class Toxiproxy(Peer):
    """Its server with one proxy."""

    name = TOXIPROXY
    _server = INSTALLED / "server"
    _env: ClassVar[dict[str, str]] = {"LOG_LEVEL": "error"}

    def with_log(self) -> Toxiproxy:
        return LoggingToxiproxy()

    def version(self) -> str | None:
        if not self._server.exists():
            return None
        found = MADE_FROM.search(self._server.read_bytes())
        return found[1].decode() if found else "unknown"

    @contextmanager
    def relay(self, upstream: int, network: Network) -> Iterator[Relay]:
        port, api = unused_ports(2)
        command = [str(self._server), "-host", "127.0.0.1", "-port", str(api)]
        with running(command, env=self._env) as process:
            program = Program(process)
            program.wait_until_it_accepts(api)
            base = f"http://127.0.0.1:{api}/proxies"
            _post(base, {"name": "p", "listen": f"127.0.0.1:{port}", "upstream": f"127.0.0.1:{upstream}"})
            for stream in ("upstream", "downstream"):
                for toxic in toxics(network):
                    _post(f"{base}/p/toxics", {**toxic, "stream": stream})
            yield Relay(port, program)


class LoggingToxiproxy(Toxiproxy):
    """The same with its log as by default."""

    _env: ClassVar[dict[str, str]] = {}


def toxics(network: Network) -> list[dict[str, object]]:
    """Return the toxics that make a network, for one direction."""
    found: list[dict[str, object]] = []
    if network.delay_ms:
        found.append({"type": "latency", "attributes": {"latency": network.delay_ms}})
    if network.rate_bytes:
        # Its rate is in KB/s, of 1,000 bytes.
        found.append({"type": "bandwidth", "attributes": {"rate": network.rate_bytes // 1000}})
    if network.slice_bytes:
        size = {"average_size": network.slice_bytes, "size_variation": 1}  # 0 kills its server (#541)
        found.append({"type": "slicer", "attributes": size})
    if network.probability:
        # The nearest equivalent of a fault that never strikes.
        found.append({"type": "limit_data", "attributes": {"bytes": 10**15}})
    return found


def _post(url: str, body: dict[str, object]) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=MOST_SECONDS_TO_ANSWER):
            pass
    except OSError as exc:
        raise Failed(f"its API refused {body}: {exc}") from exc
