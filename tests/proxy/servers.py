"""Programs that listen: some answer, some do not, and some are not there."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack, ExitStack

import pytest

from tests.proxy.peers import Peer
from trixter.addresses import SocketAddress, text_of
from trixter.proxy import Address


class Server:
    """A program that listens, on loopback or a Unix socket, and answers only when the test says so."""

    def __init__(self, where: str = "127.0.0.1", *, backlog: int = 100, buffer_bytes: int = 0) -> None:
        family = socket.AF_UNIX if "/" in where else socket.AF_INET6 if ":" in where else socket.AF_INET
        self.sock = socket.socket(family)
        _limit_buffers(self.sock, buffer_bytes)  # inherited by what it accepts
        self.sock.bind(where if family == socket.AF_UNIX else (where, 0))
        self.sock.listen(backlog)
        self.sock.setblocking(False)

    @property
    def address(self) -> SocketAddress:
        name: SocketAddress = self.sock.getsockname()
        return name

    def accept(self) -> Peer:
        """Take the next connection; the kernel has completed it by now."""
        return Peer(self.sock.accept()[0])

    def close(self) -> None:
        self.sock.close()


def socket_pair(*, buffer_bytes: int = 0) -> tuple[socket.socket, socket.socket]:
    """Return the two ends of a TCP connection over loopback: the connecting one, and the accepting one."""
    server = Server(buffer_bytes=buffer_bytes)
    connecting = socket.socket()
    _limit_buffers(connecting, buffer_bytes)
    connecting.connect(server.address)
    accepted = server.accept().sock
    server.close()
    connecting.setblocking(False)
    return connecting, accepted


def silent_server(exits: ExitStack | AsyncExitStack, where: str = "127.0.0.1") -> Server:
    """Return a server that leaves connections unanswered: its backlog is full."""
    server = Server(where, backlog=0)
    exits.callback(server.close)
    for _ in range(3):
        filler = exits.enter_context(socket.socket(server.sock.family))
        filler.setblocking(False)
        filler.connect_ex(server.address)
    return server


def dead_address() -> str:
    """Return an address that refuses connections."""
    server = Server()
    address = text_of(server.address)
    server.close()
    return address


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name stand for these addresses."""
    parsed = [Address.parse(text) for text in addresses]
    found = [
        (
            socket.AF_INET6 if ":" in each.host else socket.AF_INET,
            socket.SOCK_STREAM,
            6,
            "",
            (each.host, each.port),
        )
        for each in parsed
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)


def resolve_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every name stand for nothing."""

    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)


def _limit_buffers(sock: socket.socket, size: int) -> None:
    if size:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
