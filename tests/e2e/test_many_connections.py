"""Two thousand connections at once: all served, and nothing left of them afterwards."""

from __future__ import annotations

import asyncio
import gc
import resource
import socket
from contextlib import ExitStack

import pytest

from tests.e2e.conftest import Start
from tests.e2e.measuring import receive_exactly, wait_until
from trixter.proxy import Connection, Proxy

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CONNECTIONS = 2_000


@pytest.fixture(autouse=True)
def enough_descriptors() -> None:
    """Say so at once if this process may not have what the proxy or its clients need."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert allowed >= 3 * CONNECTIONS + 100, f"ulimit -n allows {allowed} descriptors; too few for this test"


@pytest.mark.timeout(60)
def test_all_are_served_and_leave_no_descriptor_and_no_entry(start: Start, echo_port: int) -> None:
    trixter = start(f"--upstream=127.0.0.1:{echo_port}")
    assert trixter.connections() == []  # now the API's own connection is there, and stays
    before = trixter.open_descriptors()

    with ExitStack() as clients_open:
        clients = [clients_open.enter_context(trixter.connect()) for _ in range(CONNECTIONS)]
        for number, client in enumerate(clients):
            client.sendall(b"hello from %06d" % number)
        for number, client in enumerate(clients):
            assert receive_exactly(client, 17) == b"hello from %06d" % number
        ids = {each["conn_info"]["id"] for each in trixter.connections()}
        assert len(ids) == CONNECTIONS
        assert trixter.open_descriptors() == before + 2 * CONNECTIONS

    wait_until(lambda: trixter.connections() == [], "the list of connections to be empty")
    wait_until(lambda: trixter.open_descriptors() == before, "the last descriptor to be closed")
    wait_until(lambda: trixter.log.count(" ended: closed; ") == CONNECTIONS, "a line for each end")


@pytest.mark.timeout(60)
async def test_in_one_process_no_task_and_no_object_is_left(echo_port: int) -> None:
    proxy = Proxy(listen="127.0.0.1:0", upstream=f"127.0.0.1:{echo_port}", seed=1)
    proxy.bind()
    before = asyncio.all_tasks()
    proxy.start()
    host, _, port = proxy.listen_addresses[0].rpartition(":")
    loop = asyncio.get_running_loop()
    clients = [socket.socket() for _ in range(CONNECTIONS)]
    for client in clients:
        client.setblocking(False)
        await loop.sock_connect(client, (host, int(port)))
        await loop.sock_sendall(client, b"ping")
    for client in clients:
        assert await loop.sock_recv(client, 16) == b"ping"
    assert len(proxy.registry) == CONNECTIONS
    # No task for each connection while they are there, either.
    assert asyncio.all_tasks() == before

    for client in clients:
        client.close()
    async with asyncio.timeout(30):
        while len(proxy.registry):  # noqa: ASYNC110  # no event tells of the last end
            await asyncio.sleep(0.005)

    assert proxy.registry.accepted == CONNECTIONS
    assert proxy.registry.ended == {"closed": CONNECTIONS}
    assert asyncio.all_tasks() == before
    assert not [each for each in gc.get_objects() if type(each) is Connection]
    proxy.stop()
    assert asyncio.all_tasks() == before
