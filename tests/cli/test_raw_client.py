"""The client of subcommands: an error says which server it is from, and what to do."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest

from trixter.cli.raw_client import RawClient
from trixter.control.commands import GetProxy
from trixter.errors import TrixterError

URL = "http://127.0.0.1:8888"

ERRORS = {
    "a page of another program": (
        httpx2.Response(404, text="<html>\n  Not Found</html>"),
        f"{URL}: this is no answer of trixter's API: <html> Not Found</html> (404)",
    ),
    "JSON of another program": (
        httpx2.Response(500, json={"detail": "sorry"}),
        f'{URL}: this is no answer of trixter\'s API: {{"detail":"sorry"}} (500)',
    ),
    "a missing token": (
        httpx2.Response(401, json={"error": "the token is missing", "code": "unauthorized"}),
        "the token is missing (401); --api-token or TRIXTER_API_TOKEN gives it",
    ),
    "a refusal": (
        httpx2.Response(422, json={"error": "too large", "code": "invalid"}),
        "too large (422)",
    ),
}

REQUESTS: dict[str, Callable[[RawClient], object]] = {
    "read": lambda client: client.read("/proxy"),
    "send": lambda client: client.send(GetProxy()),
}


@pytest.mark.parametrize("ask", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize(("response", "line"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_one_line(
    response: httpx2.Response, line: str, ask: Callable[[RawClient], object]
) -> None:
    transport = httpx2.MockTransport(lambda request: response)
    with httpx2.Client(transport=transport) as http, pytest.raises(TrixterError) as caught:
        ask(RawClient(URL, http=http))
    assert str(caught.value) == line
