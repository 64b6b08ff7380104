"""Every call that is refused: with which status and words, and that it changes nothing."""

from __future__ import annotations

import json
import logging

import pytest
from starlette.types import Message, Scope

from tests.api.api_harness import JSON, ApiHarness
from tests.api.one_loop import anyio_backend as anyio_backend
from trixter.api import create_app
from trixter.api.schemas import LARGEST_WHOLE

PROBABILITY = "invalid probability; must be between 0.0 and 1.0"
NOT_FOUND = "connection not found"
NO_JSON = "the body must be of content type application/json"

GOOD = {
    "delay": {"delay_ms": 250},
    "throttle": {"rate_bytes": 10},
    "slice": {"size_bytes": 10},
    "termination": {"probability_rate": 0.5},
    "corruption": {"probability_rate": 0.5},
    "freeze": {"frozen": True},
}

MISSHAPEN = [
    ("delay", "{}", "Object missing required field `delay_ms`"),
    ("delay", "[250]", "Expected `object`, got `array`"),
    ("delay", "null", "Expected `object`, got `null`"),
    ("delay", '{"delay_ms": "250"}', "Expected `int`, got `str` - at `$.delay_ms`"),
    ("delay", '{"delay_ms": true}', "Expected `int`, got `bool` - at `$.delay_ms`"),
    ("delay", '{"delay_ms": null}', "Expected `int`, got `null` - at `$.delay_ms`"),
    ("delay", '{"delay_ms": 2.5}', "Expected `int`, got `float` - at `$.delay_ms`"),
    ("delay", '{"delay_ms": -1}', "Expected `int` >= 0 - at `$.delay_ms`"),
    ("delay", '{"delay_ms": 1' + "0" * 5000 + "}", "Integer value out of range - at `$.delay_ms`"),
    (
        "delay",
        f'{{"delay_ms": {2**64}}}',
        f"delay_ms must be a whole number from 0 to {LARGEST_WHOLE}, not {2**64}",
    ),
    ("delay", '{"delay_ms": 1, "nope": 2}', "Object contains unknown field `nope`"),
    ("delay", '{"delay_ms": 1, "jitter_ms": -0.5}', "Expected `float` >= 0.0 - at `$.jitter_ms`"),
    ("delay", '{"delay_ms": 1, "jitter_ms": 1e999}', "Number out of range - at `$.jitter_ms`"),
    ("delay", '{"delay_ms": 1, "direction": "up"}', "Invalid enum value 'up' - at `$.direction`"),
    ("throttle", '{"rate_bytes": 0.5}', "Expected `int`, got `float` - at `$.rate_bytes`"),
    (
        "throttle",
        f'{{"rate_bytes": {2**64}}}',
        f"rate_bytes must be a whole number from 0 to {LARGEST_WHOLE}, not {2**64}",
    ),
    ("slice", '{"size_bytes": -9}', "Expected `int` >= 0 - at `$.size_bytes`"),
    (
        "slice",
        '{"size_bytes": 9, "variation_bytes": 9}',
        "variation_bytes must be less than size_bytes, not 9",
    ),
    ("slice", '{"size_bytes": 9, "gap_ms": "1"}', "Expected `float`, got `str` - at `$.gap_ms`"),
    ("termination", '{"probability_rate": "1"}', "Expected `float`, got `str` - at `$.probability_rate`"),
    ("corruption", '{"probability_rate": 1, "mode": "x"}', "Invalid enum value 'x' - at `$.mode`"),
    (
        "lose_answer",
        '{"probability_rate": 1, "direction": "upstream"}',
        "direction must be 'downstream' for lose_answer",
    ),
    ("freeze", "{}", "Object missing required field `frozen`"),
    ("freeze", '{"frozen": 1}', "Expected `bool`, got `int` - at `$.frozen`"),
]

MALFORMED = [
    b"",
    b"{",
    b'{"delay_ms": 1,}',
    b'{"delay_ms": 1} x',
    b'{"delay_ms": NaN}',
    b'{"delay_ms": Infinity}',
    b"{'delay_ms': 1}",
    b'\xef\xbb\xbf{"delay_ms": 1}',
    b'{"delay_ms": 1, "direction": "\xff"}',
    b'{"nope": 1, "delay_ms": ',
    b"[" * 60_000,
]


@pytest.mark.parametrize("id", ["_all", "live"])
@pytest.mark.parametrize(("stem", "text", "error"), MISSHAPEN)
async def test_a_wrong_shape_is_422_and_names_the_field(
    calm: ApiHarness, id: str, stem: str, text: str, error: str
) -> None:
    before = calm.faults()
    path = f"/connections/{calm.id_of(id)}/{stem}"

    answer = await calm.http.patch(path, content=text.encode(), headers=JSON)

    assert (answer.status_code, answer.json()) == (422, {"error": error, "code": "invalid"})
    assert calm.faults() == before


@pytest.mark.parametrize("body", MALFORMED)
async def test_what_is_not_json_is_400_whatever_its_shape(calm: ApiHarness, body: bytes) -> None:
    before = calm.faults()

    answer = await calm.http.patch("/connections/_all/delay", content=body, headers=JSON)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("malformed JSON: ")
    assert calm.faults() == before


async def test_a_number_too_large_for_anything_is_json_all_the_same(calm: ApiHarness) -> None:
    body = b'{"nope": 1' + b"0" * 5000 + b"}"

    answer = await calm.http.patch("/connections/_all/delay", content=body, headers=JSON)

    assert (answer.status_code, answer.json()["error"]) == (422, "Object contains unknown field `nope`")


@pytest.mark.parametrize("probability", [-0.1, 1.0000001, 2, -1, 1e308])
@pytest.mark.parametrize("stem", ["termination", "corruption"])
@pytest.mark.parametrize("id", ["_all", "live"])
async def test_a_probability_out_of_range_is_400(
    calm: ApiHarness, id: str, stem: str, probability: float
) -> None:
    before = calm.faults()

    path = f"/connections/{calm.id_of(id)}/{stem}"
    assert await calm.patch(path, {"probability_rate": probability}) == (400, PROBABILITY)

    assert calm.faults() == before


@pytest.mark.parametrize("stem", GOOD)
async def test_an_unknown_id_is_404(calm: ApiHarness, stem: str) -> None:
    before = calm.faults()

    assert await calm.patch(f"/connections/nobody/{stem}", GOOD[stem]) == (404, NOT_FOUND)

    assert calm.faults() == before


async def test_an_unknown_id_is_404_for_the_other_calls(calm: ApiHarness) -> None:
    shown = await calm.http.get("/connections/nobody")
    shut_down = await calm.http.post("/connections/nobody/shutdown", json={"reason": "x"})

    assert (shown.status_code, shown.json()) == (404, {"error": NOT_FOUND, "code": "connection_not_found"})
    assert (shut_down.status_code, shut_down.json()) == (
        404,
        {"error": NOT_FOUND, "code": "connection_not_found"},
    )
    assert len(calm.proxy.registry) == 2


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "Object missing required field `reason`"),
        ({"reason": 3}, "Expected `str`, got `int` - at `$.reason`"),
        ({"reason": "x", "now": True}, "Object contains unknown field `now`"),
        ({"reason": "x", "reset": "yes"}, "Expected `bool`, got `str` - at `$.reset`"),
    ],
)
async def test_a_shutdown_without_a_reason_is_422(calm: ApiHarness, body: object, error: str) -> None:
    answer = await calm.http.post("/connections/_all/shutdown", json=body)

    assert (answer.status_code, answer.json()) == (422, {"error": error, "code": "invalid"})
    assert len(calm.proxy.registry) == 2


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "text/json", "json"]
)
async def test_another_content_type_is_415(calm: ApiHarness, content_type: str | None) -> None:
    before = calm.faults()
    headers = {"content-type": content_type} if content_type else {}

    answer = await calm.http.patch("/connections/_all/delay", content=b'{"delay_ms": 1}', headers=headers)

    assert (answer.status_code, answer.json()) == (415, {"error": NO_JSON, "code": "unsupported_media_type"})
    assert calm.faults() == before


async def test_a_body_over_the_originals_2_mib_is_413(calm: ApiHarness) -> None:
    reason = "x" * (2 * 1024 * 1024 - len('{"reason":""}'))
    most, more = (json.dumps({"reason": reason + tail}, separators=(",", ":")) for tail in ("", "x"))

    refused = await calm.http.post("/connections/_all/shutdown", content=more, headers=JSON)
    assert (refused.status_code, refused.json()) == (
        413,
        {"error": "the body must be at most 2097152 bytes", "code": "body_too_large"},
    )
    assert len(calm.proxy.registry) == 2

    accepted = await calm.http.post("/connections/_all/shutdown", content=most, headers=JSON)
    assert accepted.status_code == 202


@pytest.mark.parametrize(
    ("content_type", "id", "body", "status"),
    [
        ("text/plain", "nobody", b"{", 415),
        ("application/json", "nobody", b'{"nope": 1, ', 400),
        ("application/json", "nobody", b'{"probability_rate": "2"}', 422),
        ("application/json", "nobody", b'{"probability_rate": 2}', 404),
        ("application/json", "_all", b'{"probability_rate": 2}', 400),
    ],
)
async def test_the_checks_come_in_the_originals_order(
    calm: ApiHarness, content_type: str, id: str, body: bytes, status: int
) -> None:
    headers = {"content-type": content_type}

    answer = await calm.http.patch(f"/connections/{id}/termination", content=body, headers=headers)

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (
            {"delay": {"delay_ms": 5}, "termination": {"probability_rate": 2}, "throttle": {"rate_bytes": 1}},
            400,
            PROBABILITY,
        ),
        (
            {"delay": {"delay_ms": 5}, "slice": {"size_bytes": 1, "variation_bytes": 2}},
            422,
            "variation_bytes must be less than size_bytes, not 2 - at `$.slice`",
        ),
        ({"delay": {"delay_ms": -5}}, 422, "Expected `int` >= 0 - at `$.delay.delay_ms`"),
        ({"delay": {}}, 422, "Object missing required field `delay_ms` - at `$.delay`"),
        ({"delay": None}, 422, "Expected `object`, got `null` - at `$.delay`"),
        ({"delay": {"delay_ms": 5}, "latency": {}}, 422, "Object contains unknown field `latency`"),
        ({"connection_duration_ms": 0.5}, 422, "Expected `int`, got `float` - at `$.connection_duration_ms`"),
        (
            {"connection_duration_ms": 2**64},
            422,
            f"connection_duration_ms must be a whole number from 0 to {LARGEST_WHOLE}, not {2**64}",
        ),
    ],
)
async def test_defaults_are_changed_whole_or_not_at_all(
    calm: ApiHarness, body: object, status: int, error: str
) -> None:
    before = calm.proxy.defaults

    assert await calm.patch("/defaults", body) == (status, error)

    assert calm.proxy.defaults is before


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/connections/", "/connections/x/nope", "/health/", "/Health"]
)
async def test_an_unknown_path_is_404(harness: ApiHarness, path: str) -> None:
    answer = await harness.http.get(path)

    assert (answer.status_code, answer.json()) == (404, {"error": "no such path", "code": "not_found"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/health", "GET, HEAD"),
        ("DELETE", "/connections", "GET, HEAD"),
        ("DELETE", "/connections/x", "GET, HEAD"),
        ("GET", "/connections/x/shutdown", "POST"),
        ("POST", "/connections/_all/delay", "PATCH"),
        ("PUT", "/defaults", "GET, HEAD, PATCH"),
        ("POST", "/proxy", "GET, HEAD, PATCH"),
        ("OPTIONS", "/openapi.json", "GET, HEAD"),
    ],
)
async def test_another_method_is_405_and_says_which_are_allowed(
    harness: ApiHarness, method: str, path: str, allowed: str
) -> None:
    answer = await harness.http.request(method, path)

    assert (answer.status_code, answer.json()) == (
        405,
        {"error": "method not allowed", "code": "method_not_allowed"},
    )
    assert answer.headers["allow"] == allowed


async def test_what_must_not_happen_is_500_with_a_traceback_in_the_log(
    calm: ApiHarness, caplog: pytest.LogCaptureFixture
) -> None:
    del calm.proxy.defaults  # whatever asks for them now meets a bug

    answer = await calm.http.get("/defaults")

    assert (answer.status_code, answer.json()) == (500, {"error": "internal error", "code": "internal_error"})
    (record,) = [each for each in caplog.records if each.name == "trixter.api"]
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "GET /defaults failed")
    assert record.exc_info
    assert record.exc_info[0] is AttributeError


async def test_a_client_that_hangs_up_while_it_sends_is_no_bug(
    calm: ApiHarness, caplog: pytest.LogCaptureFixture
) -> None:
    scope: Scope = {
        "type": "http",
        "method": "PATCH",
        "path": "/connections/_all/delay",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")],
    }

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        """Go nowhere."""

    before = calm.faults()
    await create_app(calm.controller)(scope, receive, send)

    assert calm.faults() == before
    assert not [record for record in caplog.records if record.name == "trixter.api"]
