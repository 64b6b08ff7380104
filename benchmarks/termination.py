"""The effect of a termination probability, beside the Rust original: ``python -m benchmarks.termination``.

Round trips of 10 bytes through an echo server until the connection is reset, as a mean over many connections.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from statistics import mean

from benchmarks.peers import INSTALLED
from benchmarks.ports import unused_ports
from benchmarks.process import running

PROBABILITIES = (0.05, 0.01)
CONNECTIONS = 200
MESSAGE = b"ten bytes."
PATIENCE_S = 10.0


def main() -> int:
    programs = {"ours": [sys.executable, "-m", "trixter"], "original": [str(INSTALLED / "trixter")]}
    if not (INSTALLED / "trixter").exists():
        print("the original is not installed: make bench-peers")
        return 1
    with echo_server() as upstream:
        for probability in PROBABILITIES:
            means = {
                name: mean(round_trips(command, upstream, probability)) for name, command in programs.items()
            }
            factor = means["ours"] / means["original"]
            shown = ", ".join(f"{name} {value:.2f}" for name, value in means.items())
            print(f"probability {probability}: {shown} round trips until the reset; a factor of {factor:.1f}")
    return 0


def round_trips(command: list[str], upstream: int, probability: float) -> Iterator[int]:
    """Yield the number of round trips of each connection.

    Each has a proxy and a seed of its own: in the original, all connections of a run fail alike.
    """
    for seed in range(CONNECTIONS):
        port = unused_ports(1)[0]
        listen, to = f"--listen=127.0.0.1:{port}", f"--upstream=127.0.0.1:{upstream}"
        flags = [f"--terminate-probability-rate={probability}", f"--random-seed={seed}"]
        # Both need an API.
        with running([*command, listen, to, f"--api=127.0.0.1:{unused_ports(1)[0]}", *flags]):
            yield survived(port)


def survived(port: int) -> int:
    """Make round trips until the connection is reset; return their number."""
    with closing(connect(port)) as client:
        count = 0
        with suppress(ConnectionError):
            while True:
                client.sendall(MESSAGE)
                left = len(MESSAGE)
                while left:
                    received = client.recv(left)
                    if not received:
                        return count
                    left -= len(received)
                count += 1
        return count


def connect(port: int) -> socket.socket:
    """Connect as soon as the proxy accepts."""
    for _ in range(10_000):
        with suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        threading.Event().wait(0.001)
    raise TimeoutError(f"nothing accepts on port {port}")


@contextmanager
def echo_server() -> Iterator[int]:
    """Echo, in a thread for each connection; yield the port."""

    def serve(sock: socket.socket) -> None:
        with sock, suppress(OSError):
            while data := sock.recv(65536):
                sock.sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=[server.accept()[0]], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield int(server.getsockname()[1])
        finally:
            server.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    raise SystemExit(main())
