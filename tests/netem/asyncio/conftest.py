"""Fixtures of the tests of asyncio programs: asyncio's loops only."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator

import pytest

from tests.netem.asyncio.programs import EchoServer


@pytest.fixture(
    scope="module",
    # Debug mode on one loop, as in tests/conftest.py.
    params=[
        pytest.param(("asyncio", {"debug": True}), id="asyncio"),
        pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
    ],
)
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """Run each async test on both of asyncio's loops."""
    return request.param


@pytest.fixture
async def server(anyio_backend: object) -> AsyncIterator[EchoServer]:
    """Run a server that sends back what comes, and ends when the client does."""
    server = EchoServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def told(anyio_backend: object) -> AsyncIterator[list[str]]:
    """Keep the errors that the loop is told of, which would otherwise fail the test."""
    loop, errors = asyncio.get_running_loop(), list[str]()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda loop, context: errors.append(str(context["exception"])))
    yield errors
    loop.set_exception_handler(before)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Make a certificate for localhost; return its file, and that of its key."""
    folder = tmp_path_factory.mktemp("tls")
    files = str(folder / "certificate.pem"), str(folder / "key.pem")
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *names]
    subprocess.run([*command, "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


@pytest.fixture
def its_side(certificate: tuple[str, str]) -> ssl.SSLContext:
    """Be the server's."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def our_side(certificate: tuple[str, str]) -> ssl.SSLContext:
    """Be the client's."""
    return ssl.create_default_context(cafile=certificate[0])
