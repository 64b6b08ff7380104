"""Ports for programs: unused, and none of those that clients get."""

from __future__ import annotations

import socket

from benchmarks.ports import LOCAL_PORT_RANGE, LOWEST, unused_ports


def test_they_differ_nothing_listens_there_and_no_client_gets_them() -> None:
    ports = unused_ports(20)
    assert len({*ports}) == 20
    highest = int(LOCAL_PORT_RANGE.read_text().split()[0]) if LOCAL_PORT_RANGE.exists() else 65_536
    for port in ports:
        assert LOWEST <= port < highest
        socket.create_server(("127.0.0.1", port)).close()
