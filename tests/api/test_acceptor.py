"""Accepting the API's clients when descriptors run out."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.api.served_api import ServedApi
from trixter.api.server import SPARE_DESCRIPTORS, SpareDescriptors

HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextmanager
def full_descriptor_table() -> Iterator[list[int]]:
    """Leave this process no descriptor; give those that were taken for it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = os.dup(0)
    os.close(probe)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe + 20, hard))
    taken: list[int] = []
    try:
        with pytest.raises(OSError, match="Too many open files"):
            _take_all(taken)
        yield taken
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _take_all(taken: list[int]) -> None:
    while True:
        taken.append(os.dup(0))


def test_what_was_given_up_is_taken_again() -> None:
    spares = SpareDescriptors(most=2)

    assert [spares.give_up() for _ in range(3)] == [True, True, False]
    spares.replenish()
    assert spares.give_up()

    spares.close()
    spares.replenish()
    assert not spares.give_up(), "none is taken once it is closed"


async def test_a_full_descriptor_table_has_room_for_clients_of_the_api(served: ServedApi) -> None:
    loop = asyncio.get_running_loop()
    with ExitStack() as opened:
        clients = [opened.enter_context(socket.socket()) for _ in range(SPARE_DESCRIPTORS + 1)]
        for client in clients:
            client.setblocking(False)
        # A first call loads what later calls need no descriptor for.
        _, body = await served.ask(HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert body == b"ok"
        with full_descriptor_table() as taken:
            for client in clients[:-1]:
                await loop.sock_connect(client, (served.host, served.port))
                await loop.sock_sendall(client, HEALTH)
                assert (await loop.sock_recv(client, 1000)).startswith(b"HTTP/1.1 200 OK")

            # The one for whom there is no room is not turned away.
            await loop.sock_connect(clients[-1], (served.host, served.port))
            await loop.sock_sendall(clients[-1], HEALTH)
            os.close(taken.pop())
            assert (await loop.sock_recv(clients[-1], 1000)).startswith(b"HTTP/1.1 200 OK")
