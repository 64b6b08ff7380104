"""Every form of address: IPv4, IPv6, names and Unix sockets, for listening and for the upstream."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.conversation import address_of, converse, listener
from tests.e2e.measuring import PATIENCE_S

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_ipv6_for_listening_the_upstream_and_the_api(start: Start) -> None:
    with listener("::1") as upstream:
        trixter = start("--listen=[::1]:0", f"--upstream={address_of(upstream)}", "--api=[::1]:0")

        assert trixter.addresses[0].startswith("[::1]:")
        with converse(trixter, upstream) as conversation:
            conversation.upstream_s()
            conversation.downstream_s()
            (status,) = trixter.connections()
            assert status["conn_info"]["downstream"].startswith("[::1]:")
            assert status["conn_info"]["upstream"] == address_of(upstream)


def test_a_name_for_listening_stands_for_all_its_addresses(start: Start, upstream: socket.socket) -> None:
    trixter = start("--listen=localhost:0", f"--upstream={address_of(upstream)}", "--api=localhost:0")

    answers = socket.getaddrinfo("localhost", trixter.port, type=socket.SOCK_STREAM)
    for family, kind, _, _, address in dict.fromkeys(answers):
        with socket.socket(family, kind) as client:
            client.settimeout(PATIENCE_S)
            client.connect(address)
            server, _ = upstream.accept()
            with server:
                server.settimeout(PATIENCE_S)
                client.sendall(b"ping")
                assert server.recv(16) == b"ping"


def test_a_name_for_the_upstream_is_looked_up_for_each_connection(
    start: Start, upstream: socket.socket
) -> None:
    port = upstream.getsockname()[1]
    trixter = start(f"--upstream=localhost:{port}")

    for _ in range(2):
        with converse(trixter, upstream) as conversation:
            conversation.upstream_s()
            conversation.downstream_s()
            (status,) = (trixter.api.get(f"/connections/{conversation.id}").json(),)
            assert status["conn_info"]["upstream"] == f"localhost:{port}"


def test_a_unix_socket_for_the_upstream(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "upstream.sock"
    with socket.socket(socket.AF_UNIX) as upstream:
        upstream.bind(str(path))
        upstream.listen()
        upstream.settimeout(PATIENCE_S)
        trixter = start(f"--upstream=unix:{path}")

        with converse(trixter, upstream) as conversation:
            conversation.upstream_s()
            conversation.downstream_s()
            (status,) = trixter.connections()
            assert status["conn_info"]["upstream"] == f"unix:{path}"
            conversation.change("delay", delay_ms=100)
            assert conversation.upstream_s() >= 0.1
            assert conversation.downstream_s() >= 0.1
