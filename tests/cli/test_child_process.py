"""The environment of a child: variables and placeholders."""

from __future__ import annotations

import pytest

from trixter.cli.run_command import ProxyEnvironment


@pytest.mark.parametrize(
    ("listening", "address"),
    [
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("[::1]:8080", "[::1]:8080"),
        ("0.0.0.0:8080", "127.0.0.1:8080"),
        ("[::]:8080", "[::1]:8080"),
    ],
)
def test_an_address_is_one_that_can_be_connected_to(listening: str, address: str) -> None:
    assert ProxyEnvironment(listening).variables["TRIXTER_PROXY_ADDRESS"] == address


def test_a_host_has_no_brackets() -> None:
    environment = ProxyEnvironment("[::1]:8080")
    assert environment.variables == {
        "TRIXTER_PROXY_ADDRESS": "[::1]:8080",
        "TRIXTER_PROXY_HOST": "::1",
        "TRIXTER_PROXY_PORT": "8080",
    }


def test_with_an_api_it_is_in_the_environment_and_so_is_the_token() -> None:
    assert "TRIXTER_API_TOKEN" not in ProxyEnvironment("127.0.0.1:1", "0.0.0.0:2").variables
    variables = ProxyEnvironment("127.0.0.1:1", "0.0.0.0:2", "s3cret").variables
    assert variables["TRIXTER_API_URL"] == "http://127.0.0.1:2"
    assert variables["TRIXTER_API_TOKEN"] == "s3cret"


@pytest.mark.parametrize(
    ("argument", "filled_in"),
    [
        ("http://{address}/", "http://127.0.0.1:8080/"),
        ("{host}{port}", "127.0.0.18080"),
        ("${port} {Port} {} {{x}}", "${port} {Port} {} {{x}}"),
        ("%{time_total}", "%{time_total}"),
        ("plain", "plain"),
    ],
)
def test_placeholders_are_filled_in_and_other_braces_are_left(argument: str, filled_in: str) -> None:
    assert ProxyEnvironment("127.0.0.1:8080").substitute([argument]) == [filled_in]
