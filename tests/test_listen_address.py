"""The address to connect to, in each form that clients take."""

from __future__ import annotations

import pytest

from trixter.addresses import ListenAddress


@pytest.mark.parametrize(
    ("listen", "near", "address"),
    [
        ("127.0.0.1:43210", None, "127.0.0.1:43210"),
        ("127.0.0.1:43210", "proxy.example", "127.0.0.1:43210"),
        ("[::1]:43210", None, "[::1]:43210"),
        ("0.0.0.0:43210", None, "127.0.0.1:43210"),
        ("[::]:43210", None, "[::1]:43210"),
        ("0.0.0.0:43210", "proxy.example", "proxy.example:43210"),
    ],
)
def test_what_listens_everywhere_is_reached_where_one_is(listen: str, near: str | None, address: str) -> None:
    assert ListenAddress.of([listen, "127.0.0.2:1"], near).address == address


def test_a_url_leads_there() -> None:
    here = ListenAddress("::1", 8080)
    assert (here.host, here.port, here.address) == ("::1", 8080, "[::1]:8080")
    assert here.url("http") == "http://[::1]:8080"
    assert here.url("redis", "0") == "redis://[::1]:8080/0"
    assert here.url("http", "/health?x=1") == "http://[::1]:8080/health?x=1"
