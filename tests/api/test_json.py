"""JSON that one parser takes and another does not: decided as the original decides."""

from __future__ import annotations

import pytest

from tests.api.api_harness import JSON, ApiHarness
from tests.api.one_loop import anyio_backend as anyio_backend


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        ("/connections/_all/delay", '{"delay_ms": 1, "delay_ms": 1}', "delay_ms"),
        ("/connections/live/delay", '{"delay_ms": 1, "jitter_ms": 2, "delay_ms": 3}', "delay_ms"),
        ("/connections/_all/delay", '{"delay_ms": 1, "delay\\u005fms": 2}', "delay_ms"),
        (
            "/connections/nobody/termination",
            '{"probability_rate": 2, "probability_rate": 1}',
            "probability_rate",
        ),
        (
            "/connections/_all/freeze",
            '{"frozen": true, "direction": "both", "direction": "both"}',
            "direction",
        ),
        ("/defaults", '{"delay": {"delay_ms": 1}, "delay": {"delay_ms": 2}}', "delay"),
        ("/defaults", '{"delay": {"delay_ms": 1, "delay_ms": 2}}', "delay_ms"),
        ("/proxy", '{"availability": "down", "availability":"up"}', "availability"),
    ],
)
async def test_a_field_given_twice_is_422(calm: ApiHarness, path: str, body: str, name: str) -> None:
    before = calm.faults()
    path = path.replace("live", calm.id_of("live"))

    answer = await calm.http.patch(path, content=body, headers=JSON)

    assert (answer.status_code, answer.json()) == (
        422,
        {"error": f"duplicate field `{name}`", "code": "invalid"},
    )
    assert calm.faults() == before


async def test_a_reason_given_twice_is_422(calm: ApiHarness) -> None:
    body = '{"reason": "x", "reason": "x"}'

    answer = await calm.http.post("/connections/_all/shutdown", content=body, headers=JSON)

    assert (answer.status_code, answer.json()) == (
        422,
        {"error": "duplicate field `reason`", "code": "invalid"},
    )
    assert len(calm.proxy.registry) == 2


@pytest.mark.parametrize(
    ("text", "half"),
    [
        (r"\ud800", r"\ud800"),
        (r"\uDBFFx", r"\uDBFF"),
        (r"\ud800\n", r"\ud800"),
        (r"\ud83d\ude00 \ud83d", r"\ud83d"),
        (r"\\\ud800", r"\ud800"),
        (r"\ud800\ud800\udc00", r"\ud800"),
    ],
)
async def test_half_a_surrogate_pair_is_400_and_named(calm: ApiHarness, text: str, half: str) -> None:
    body = f'{{"reason": "{text}"}}'

    answer = await calm.http.post("/connections/_all/shutdown", content=body, headers=JSON)

    error = f"malformed JSON: half a surrogate pair, {half}"
    assert (answer.status_code, answer.json()) == (400, {"error": error, "code": "bad_request"})
    assert len(calm.proxy.registry) == 2


@pytest.mark.parametrize("text", [r"\ud83d\ude00", r"\\ud800", "\U0001f600", r"\uD83D\uDE00"])
async def test_whole_pairs_and_what_only_looks_like_half_of_one_are_text(calm: ApiHarness, text: str) -> None:
    body = f'{{"reason": "{text}"}}'.encode()

    answer = await calm.http.post("/connections/_all/shutdown", content=body, headers=JSON)

    assert answer.status_code == 202


@pytest.mark.parametrize(("text", "is_half"), [(r"\udc00", False), (r"\\ud800", False), (r"\ud800", True)])
async def test_other_malformed_json_keeps_its_own_words(calm: ApiHarness, text: str, is_half: bool) -> None:
    answer = await calm.http.post("/connections/_all/shutdown", content=f'{{"reason": "{text}', headers=JSON)

    assert answer.status_code == 400
    assert ("half a surrogate pair" in answer.json()["error"]) == is_half
