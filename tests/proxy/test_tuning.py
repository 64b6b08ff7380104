"""Tuning: limits and time-outs of a proxy are checked when they are given."""

from __future__ import annotations

import pytest

from tests.proxy.descriptors import no_descriptor_free
from tests.proxy.proxy_harness import ProxyHarness
from tests.proxy.waiting import turns, until
from trixter.errors import SettingError
from trixter.proxy.sockets import SocketOptions
from trixter.proxy.tuning import Tuning


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("buffer_limit_bytes", 0),
        ("buffer_limit_bytes", 1.5),
        ("socket_buffer_bytes", -1),
        ("connect_timeout_s", 0),
        ("connect_timeout_s", float("inf")),
        ("reset_unreachable", 1),
    ],
)
def test_what_is_out_of_range_is_refused_by_its_name(name: str, value: object) -> None:
    with pytest.raises(SettingError) as caught:
        Tuning(**{name: value})  # type: ignore[arg-type]
    assert (caught.value.name, caught.value.value) == (name, value)


def test_it_says_what_sockets_are_asked_to_be() -> None:
    assert Tuning(socket_buffer_bytes=8192, keepalive_s=2.0).socket_options == SocketOptions(8192, 2.0)


async def test_a_client_for_whose_upstream_no_descriptor_is_left_waits_and_is_served(
    proxy_harness: ProxyHarness, caplog: pytest.LogCaptureFixture
) -> None:
    proxy = proxy_harness.proxy()
    client = proxy_harness.client(proxy)
    with no_descriptor_free(spare=1):  # enough to accept, and not to dial
        await until(lambda: proxy.registry.dialling)
        await turns()
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert proxy.registry.ended == {}
    await until(lambda: len(proxy.registry) == 1)
    server = proxy_harness.server.accept()
    proxy_harness.exits.callback(server.close)
    client.send(b"hello")
    assert await server.receive(5) == b"hello"
