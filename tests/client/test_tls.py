"""TLS between a client and the API: what is trusted, and what is said when it fails."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, TCPServer, ThreadingTCPServer

import pytest
from click.testing import CliRunner

from tests.netem.asyncio.conftest import certificate, its_side, our_side
from trixter import AsyncClient, Client
from trixter.cli.remote import ls
from trixter.errors import ApiUnreachable, SettingError

__all__ = ["certificate", "its_side", "our_side"]  # fixtures


class NoConnections(BaseHTTPRequestHandler):
    """Answer as the API of a proxy without connections."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Say nothing of handshakes that fail: that is what this is about."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def serving(server: TCPServer) -> Iterator[int]:
    """Run a server in a thread; give its port."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def tls_port(its_side: ssl.SSLContext) -> Iterator[int]:
    """Serve an API behind TLS, with a certificate for ``localhost`` of its own."""
    server = Server(("127.0.0.1", 0), NoConnections)
    # The handshake is made where the request is read: in the thread of the connection.
    server.socket = its_side.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with serving(server) as port:
        yield port


@pytest.fixture
def plain_port() -> Iterator[int]:
    """Serve an API without TLS."""
    with serving(Server(("127.0.0.1", 0), NoConnections)) as port:
        yield port


async def reasons(url: str) -> set[str]:
    """Return what both clients say of an API."""
    found = set()
    with Client(url) as client, pytest.raises(ApiUnreachable) as caught:
        client.connections()
    found.add(caught.value.reason)
    async with AsyncClient(url) as later:
        with pytest.raises(ApiUnreachable) as caught:
            await later.connections()
    return {*found, caught.value.reason}


async def test_where_no_tls_answers_it_is_said(anyio_backend: object, plain_port: int) -> None:
    (reason,) = await reasons(f"https://127.0.0.1:{plain_port}")
    assert reason in (
        "TLS: wrong version number - is it http://?",
        "TLS: record layer failure - is it http://?",
    )


class Alert(BaseRequestHandler):
    """Answer as OpenSSL does what is no TLS."""

    def handle(self) -> None:
        self.request.recv(1000)
        self.request.sendall(b"\x15\x03\x01\x00\x02\x02\x46")


async def test_where_tls_answers_a_plain_client_it_is_said(anyio_backend: object) -> None:
    with serving(ThreadingTCPServer(("127.0.0.1", 0), Alert)) as port:
        (reason,) = await reasons(f"http://127.0.0.1:{port}")
    assert reason == "illegal request line - is it https://?"


async def test_a_certificate_of_an_unknown_issuer_is_refused_and_the_remedy_named(
    anyio_backend: object, tls_port: int
) -> None:
    assert await reasons(f"https://localhost:{tls_port}") == {
        "TLS: certificate verify failed: self-signed certificate"
        " - name its CA with verify=FILE, or --api-ca FILE"
    }


async def test_a_certificate_for_another_host_is_refused(
    anyio_backend: object, tls_port: int, certificate: tuple[str, str]
) -> None:
    with (
        Client(f"https://127.0.0.1:{tls_port}", verify=certificate[0]) as client,
        pytest.raises(ApiUnreachable, match=r"TLS: certificate verify failed: .*not valid for"),
    ):
        client.connections()


async def test_a_ca_is_named_by_a_file_or_a_context_and_no_is_an_answer(
    anyio_backend: object, tls_port: int, certificate: tuple[str, str], our_side: ssl.SSLContext
) -> None:
    url = f"https://localhost:{tls_port}"
    for verify in (certificate[0], our_side, False):
        with Client(url, verify=verify) as client:
            assert client.connections() == []
        async with AsyncClient(url, verify=verify) as later:
            assert await later.connections() == []


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_what_is_no_file_of_certificates_is_refused(kind: type[Client | AsyncClient], tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for file in ("no such file", "empty.pem"):
        with pytest.raises(SettingError, match="verify must be a file of CA certificates in PEM, not '"):
            kind("https://localhost", verify=str(tmp_path / file))


def test_the_command_takes_a_ca(
    tls_port: int, certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["--api", f"https://localhost:{tls_port}", "--json"]
    assert CliRunner().invoke(ls, [*asked, "--api-ca", certificate[0]]).stdout == "[]\n"
    monkeypatch.setenv("TRIXTER_API_CA", certificate[0])
    assert CliRunner().invoke(ls, asked).stdout == "[]\n"
    wrong = CliRunner().invoke(ls, [*asked, "--api-ca", certificate[1]])
    assert "must be a file of CA certificates in PEM, not" in wrong.output
