"""What is measured: ours, its peers, and no relay at all."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import urllib.request
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import Program, free_ports

HERE = Path(__file__).parent
INSTALLED = HERE / "peers"


@dataclass(frozen=True)
class Network:
    """How bad the network is, in both directions; 0 is off everywhere."""

    delay_ms: int = 0
    rate_bytes: int = 0
    slice_bytes: int = 0
    probability: float = 0.0


CALM = Network()
UNFELT = Network(rate_bytes=10**10, slice_bytes=10**9, probability=1e-9)
"""Every fault that can be set without being felt."""


class Peer(ABC):
    """A relay that can be measured."""

    name: str

    @abstractmethod
    def is_installed(self) -> bool:
        """Say whether it is on this machine."""

    @abstractmethod
    def can(self, network: Network) -> bool:
        """Say whether it can be that bad."""

    @abstractmethod
    def start(self, upstream: int, network: Network) -> tuple[int, Program | None]:
        """Start it in front of that port; return the port to connect to."""


class Direct(Peer):
    """No relay: the physical limit."""

    name = "no proxy"

    def is_installed(self) -> bool:
        return True

    def can(self, network: Network) -> bool:
        return network == CALM

    def start(self, upstream: int, network: Network) -> tuple[int, Program | None]:
        return upstream, None


class OriginalCommandLine(Peer):
    """The original, and ours, which takes the same flags."""

    def __init__(self, name: str, command: list[str], more: list[str], env: dict[str, str]) -> None:
        self.name = name
        self._command = command
        self._more = more
        self._env = env
        self.api = 0

    def is_installed(self) -> bool:
        return shutil.which(self._command[0]) is not None

    def can(self, network: Network) -> bool:
        return True

    def start(self, upstream: int, network: Network) -> tuple[int, Program | None]:
        listen, self.api = free_ports(2)
        flags = {
            "--listen": f"127.0.0.1:{listen}",
            "--upstream": f"127.0.0.1:{upstream}",
            "--api": f"127.0.0.1:{self.api}",
            "--delay-ms": str(network.delay_ms),
            "--throttle-rate-bytes": str(network.rate_bytes),
            "--slice-size-bytes": str(network.slice_bytes),
            "--terminate-probability-rate": f"{network.probability:.12f}",
            "--corrupt-probability-rate": f"{network.probability:.12f}",
        }
        command = [*self._command, *(word for flag in flags.items() for word in flag), *self._more]
        return listen, Program(command, listen, self._env)


class Toxiproxy(Peer):
    """Shopify's, in Go; its toxics are set over its API."""

    name = "Toxiproxy"
    _server = INSTALLED / "bin" / "server"

    def is_installed(self) -> bool:
        return self._server.exists()

    def can(self, network: Network) -> bool:
        return True

    def start(self, upstream: int, network: Network) -> tuple[int, Program | None]:
        listen, api = free_ports(2)
        command = [str(self._server), "-host", "127.0.0.1", "-port", str(api)]
        program = Program(command, api, {"LOG_LEVEL": "error"})
        base = f"http://127.0.0.1:{api}/proxies"
        _post(base, {"name": "p", "listen": f"127.0.0.1:{listen}", "upstream": f"127.0.0.1:{upstream}"})
        for stream in ("upstream", "downstream"):
            for toxic in _toxics(network):
                _post(f"{base}/p/toxics", {**toxic, "stream": stream})
        return listen, program


def _toxics(network: Network) -> list[dict[str, object]]:
    toxics: list[dict[str, object]] = []
    if network.delay_ms:
        toxics.append({"type": "latency", "attributes": {"latency": network.delay_ms}})
    if network.rate_bytes:
        toxics.append({"type": "bandwidth", "attributes": {"rate": network.rate_bytes // 1000}})
    if network.slice_bytes:
        size = {"average_size": network.slice_bytes, "size_variation": 1}  # 0 kills its server (#541)
        toxics.append({"type": "slicer", "attributes": size})
    if network.probability:
        # The nearest it has to a fault that never fires.
        toxics.append({"type": "limit_data", "attributes": {"bytes": 10**15}})
    return toxics


def _post(url: str, body: dict[str, object]) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5):
        pass


class HAProxy(Peer):
    """HAProxy in TCP mode: what a userspace relay without faults can do."""

    name = "HAProxy"

    def is_installed(self) -> bool:
        return shutil.which("haproxy") is not None

    def can(self, network: Network) -> bool:
        return network == CALM

    def start(self, upstream: int, network: Network) -> tuple[int, Program | None]:
        (listen,) = free_ports(1)
        config = Path(tempfile.mkdtemp(prefix="bench-haproxy-")) / "haproxy.cfg"
        config.write_text(
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 1m\n timeout server 1m\n"
            " maxconn 19000\n"
            f"listen bench\n bind 127.0.0.1:{listen}\n server s 127.0.0.1:{upstream}\n"
        )
        return listen, Program(["haproxy", "-db", "-f", str(config)], listen)


def all_peers() -> list[Peer]:
    """Return every relay there is to measure, ours first; some may not be installed."""
    # Neither logs each connection: that is what their manuals say to do for throughput.
    quiet = ["--log-level", "warning"]
    return [
        OriginalCommandLine("trixter", [sys.executable, "-m", "trixter"], quiet, {}),
        OriginalCommandLine(
            "Rust original",
            [str(INSTALLED / "bin" / "trixter")],
            ["--random-seed", "1"],
            {"RUST_LOG": "error"},
        ),
        Toxiproxy(),
        HAProxy(),
        Direct(),
    ]
