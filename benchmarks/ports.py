"""Ports for programs that cannot tell which one they got."""

from __future__ import annotations

import secrets
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

LOCAL_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")

LOWEST = 10_000


def unused_ports(count: int) -> list[int]:
    """Return ports on which nothing listens, and which the kernel gives to no client meanwhile.

    A port that was asked for as 0 is one of those that clients get: on a machine with much traffic, another
    program has it before the one under test.
    """
    first_of_clients = int(LOCAL_PORT_RANGE.read_text().split()[0]) if LOCAL_PORT_RANGE.exists() else 32_768
    with ExitStack() as taken:
        ports: list[int] = []
        while len(ports) < count:
            port = LOWEST + secrets.randbelow(first_of_clients - LOWEST)
            with suppress(OSError):
                taken.enter_context(socket.create_server(("127.0.0.1", port)))
                ports.append(port)
        return ports
