"""The kernel's buffers: as small as they were asked to be, on both sides of a proxy."""

from __future__ import annotations

import socket

import pytest

from tests.proxy.proxy_harness import ProxyHarness
from tests.proxy.waiting import until
from trixter.errors import SettingError
from trixter.proxy import Proxy

ASKED_BYTES = 10_000


@pytest.mark.parametrize("buffer_bytes", [ASKED_BYTES, 0])
async def test_both_sockets_of_a_connection_have_them(proxy_harness: ProxyHarness, buffer_bytes: int) -> None:
    proxy = proxy_harness.proxy(socket_buffer_bytes=buffer_bytes)
    proxy_harness.client(proxy)
    await until(lambda: len(proxy.registry) == 1)
    (connection,) = proxy.registry
    sizes = {
        sock.getsockopt(socket.SOL_SOCKET, option)
        for sock in (connection._client, connection._upstream)
        if sock is not None
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF)
    }
    # Linux gives twice what was asked for.
    assert (max(sizes) <= 2 * ASKED_BYTES) == bool(buffer_bytes)


@pytest.mark.parametrize("value", [-1, 0.5, "1", None, True])
def test_a_bad_size_is_refused(value: object) -> None:
    with pytest.raises(SettingError) as caught:
        Proxy(listen="127.0.0.1:0", upstream="127.0.0.1:1", seed=1, socket_buffer_bytes=value)  # type: ignore[arg-type]
    assert (caught.value.name, caught.value.value) == ("socket_buffer_bytes", value)


async def test_a_size_that_no_kernel_has_is_as_much_as_there_is(proxy_harness: ProxyHarness) -> None:
    proxy = proxy_harness.proxy(socket_buffer_bytes=2**64)
    proxy_harness.client(proxy)
    await until(lambda: len(proxy.registry) == 1)
