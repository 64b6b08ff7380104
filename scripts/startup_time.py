"""Measure how long a program takes from its start until the proxy accepts, and until its API answers.

python scripts/startup_time.py COMMAND [COMMAND ...]

Each COMMAND is a path, such as dist/trixter. They take turns, so that a busy machine is equally bad for all;
the table shows the medians and the quartiles in milliseconds.
"""

from __future__ import annotations

import http.client
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

ROUNDS = 21

# Between two attempts to connect; what the figures can be off by.
INTERVAL_S = 0.001

GIVE_UP_S = 30.0


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(sock.getsockname()[1]) for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def connects_at(port: int) -> float:
    """Return the time at which a connection to a port was first accepted.

    Raises:
        TimeoutError: If none is.
    """
    give_up_at = time.monotonic() + GIVE_UP_S
    pause = threading.Event()
    while time.monotonic() < give_up_at:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return time.monotonic()
        pause.wait(INTERVAL_S)
    raise TimeoutError(f"nothing listens on port {port}")


def answers_at(port: int) -> float:
    """Return the time at which the API first answered."""
    connects_at(port)
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP_S)
    client.request("GET", "/health")
    client.getresponse().read()
    client.close()
    return time.monotonic()


def start_once(command: str) -> tuple[float, float]:
    """Start a program and stop it; return the seconds until it accepted and until the API answered."""
    listen, api, upstream = free_ports(3)
    addresses = [f"--listen=127.0.0.1:{listen}", f"--api=127.0.0.1:{api}", f"--upstream=127.0.0.1:{upstream}"]
    started_at = time.monotonic()
    with subprocess.Popen([command, *addresses], stderr=subprocess.DEVNULL) as process:
        accepted_s = connects_at(listen) - started_at
        answered_s = answers_at(api) - started_at
        process.send_signal(signal.SIGTERM)
    return accepted_s, answered_s


def main(commands: list[str]) -> None:
    """Measure, and print a table."""
    outcomes: dict[str, list[tuple[float, float]]] = {command: [] for command in commands}
    for _ in range(ROUNDS):
        for command in commands:
            outcomes[command].append(start_once(command))
    print("median (quartiles), ms     accepts                 API answers")
    for command, measured in outcomes.items():
        cells = []
        for column in zip(*measured, strict=True):
            low, middle, high = (1000 * each for each in statistics.quantiles(column, n=4))
            cells.append(f"{middle:6.0f} ({low:.0f} to {high:.0f})".ljust(22))
        print(command.ljust(24), *cells)


if __name__ == "__main__":
    main(sys.argv[1:])
