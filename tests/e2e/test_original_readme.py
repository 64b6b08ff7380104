"""The original's README, pasted: its command line and each of its curl and jq lines, unchanged."""

from __future__ import annotations

import json
import os
import socket
import subprocess

import pytest

from tests.e2e.conftest import Start
from tests.e2e.conversation import Conversation, address_of, converse
from tests.e2e.measuring import PATIENCE_S, ends_by_reset, receive_all
from tests.e2e.trixter_process import Trixter
from tests.e2e.upstreams import program

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FIND_ID = "ID=$(curl -s http://127.0.0.1:8888/connections | jq -r '.[0].conn_info.id')"


@pytest.fixture(scope="module")
def flags(upstream: socket.socket) -> list[str]:
    """Return every flag of the original, as its users write them."""
    return [
        *("--listen", "0.0.0.0:0"),
        *("--upstream", address_of(upstream)),
        *("--api", "127.0.0.1:0"),
        *("--delay-ms", "0"),
        *("--throttle-rate-bytes", "0"),
        *("--slice-size-bytes", "0"),
        *("--corrupt-probability-rate", "0.0"),
        *("--terminate-probability-rate", "0.0"),
        *("--connection-duration-ms", "0"),
        *("--random-seed", "42"),
    ]


def test_it_logs_the_seed_it_was_given(trixter: Trixter) -> None:
    trixter.wait_for_log("random seed: 42\n")


def test_health(trixter: Trixter) -> None:
    assert _paste(trixter, "curl -s http://127.0.0.1:8888/health") == "ok"


def test_listing(conversation: Conversation) -> None:
    (status,) = json.loads(_paste(conversation.trixter, "curl -s http://127.0.0.1:8888/connections | jq"))

    assert list(status)[:6] == [
        "conn_info",
        "delay",
        "throttle_rate",
        "slice_size",
        "terminate_probability_rate",
        "corrupt_probability_rate",
    ]
    host, port = conversation.client.getsockname()
    assert status["conn_info"] == {
        "id": conversation.id,
        "downstream": f"{host}:{port}",
        "upstream": address_of(conversation.upstream),
    }


@pytest.mark.parametrize(
    ("stem", "body", "shown"),
    [
        ("delay", '{"delay_ms":250}', {"delay": {"secs": 0, "nanos": 250_000_000}}),
        ("delay", '{"delay_ms":2500}', {"delay": {"secs": 2, "nanos": 500_000_000}}),
        ("throttle", '{"rate_bytes":10240}', {"throttle_rate": 10_240}),
        ("slice", '{"size_bytes":512}', {"slice_size": 512}),
        ("termination", '{"probability_rate":0.05}', {"terminate_probability_rate": 0.05}),
        ("corruption", '{"probability_rate":0.01}', {"corrupt_probability_rate": 0.01}),
    ],
)
def test_a_fault_is_set_and_shown(
    conversation: Conversation, stem: str, body: str, shown: dict[str, object]
) -> None:
    answer = _paste(conversation.trixter, FIND_ID, _patch(stem, body))

    assert _status(answer) == 202
    (status,) = conversation.trixter.connections()
    assert {name: status[name] for name in shown} == shown


@pytest.mark.parametrize(
    ("stem", "on", "off"),
    [
        ("delay", '{"delay_ms":250}', '{"delay_ms":0}'),
        ("corruption", '{"probability_rate":0.01}', '{"probability_rate":0.0}'),
    ],
)
def test_a_fault_is_set_back(conversation: Conversation, stem: str, on: str, off: str) -> None:
    (before,) = conversation.trixter.connections()

    answer = _paste(conversation.trixter, FIND_ID, _patch(stem, on), "# Remove it", _patch(stem, off))

    assert answer.count("HTTP/1.1 202 ") == 2
    (after,) = conversation.trixter.connections()
    assert {**after, "age_ms": before["age_ms"]} == before


@pytest.mark.parametrize("id", ["$ID", "_all"])
def test_a_shutdown(conversation: Conversation, id: str) -> None:
    answer = _paste(
        conversation.trixter,
        FIND_ID,
        "curl -i -X POST \\",
        f"http://127.0.0.1:8888/connections/{id}/shutdown \\",
        "-H 'Content-Type: application/json' \\",
        """-d '{"reason":"test teardown"}'""",
    )

    assert _status(answer) == 202
    assert receive_all(conversation.client) == b""
    conversation.trixter.wait_for_log(f"{conversation.id} ended: shutdown: test teardown; ")


def test_an_unknown_connection_is_not_found(trixter: Trixter) -> None:
    answer = _paste(trixter, "ID=nobody", _patch("delay", '{"delay_ms":250}'))

    assert _status(answer) == 404
    assert _body(answer) == {"error": "connection not found", "code": "connection_not_found"}


@pytest.mark.parametrize("stem", ["termination", "corruption"])
def test_an_impossible_probability_is_refused(conversation: Conversation, stem: str) -> None:
    answer = _paste(conversation.trixter, FIND_ID, _patch(stem, '{"probability_rate":1.5}'))

    assert _status(answer) == 400
    assert _body(answer) == {
        "error": "invalid probability; must be between 0.0 and 1.0",
        "code": "invalid_probability",
    }


def test_its_recipe_for_a_slow_and_narrow_network(conversation: Conversation) -> None:
    # From its chapter of examples: localhost instead of 127.0.0.1, and no http:// before it.
    answer = _paste(
        conversation.trixter,
        "ID=$(curl -s localhost:8888/connections | jq -r '.[0].conn_info.id')",
        "curl -s -X PATCH localhost:8888/connections/$ID/delay \\",
        """-H 'Content-Type: application/json' -d '{"delay_ms":250}'""",
        "curl -s -X PATCH localhost:8888/connections/$ID/throttle \\",
        """-H 'Content-Type: application/json' -d '{"rate_bytes":65536}'""",
    )

    assert answer == ""
    assert conversation.upstream_s(bytes(6_554)) >= 0.25 + 0.1 * 0.99


def test_its_recipe_for_a_hard_timeout(start: Start, upstream: socket.socket) -> None:
    trixter = start(
        *("--listen", "0.0.0.0:0"),
        *("--upstream", address_of(upstream)),
        *("--api", "127.0.0.1:0"),
        *("--connection-duration-ms", "500"),
    )

    with converse(trixter, upstream) as conversation:
        assert ends_by_reset(conversation.client)


def _paste(trixter: Trixter, *lines: str) -> str:
    """Run lines of the README in a shell; only the API's port is another."""
    for name in ("curl", "jq"):
        program(name)
    script = "\n".join(lines).replace(":8888", trixter.api_url[trixter.api_url.rindex(":") :])
    done = subprocess.run(
        ["bash", "-c", f"set -euo pipefail\n{script}"],
        env={**os.environ, "no_proxy": "*"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _patch(stem: str, body: str) -> str:
    return "\n".join(
        [
            "curl -i -X PATCH \\",
            f"http://127.0.0.1:8888/connections/$ID/{stem} \\",
            "-H 'Content-Type: application/json' \\",
            f"-d '{body}'",
        ]
    )


def _status(answer: str) -> int:
    return int(answer.split()[1])


def _body(answer: str) -> object:
    return json.loads(answer.replace("\r", "").partition("\n\n")[2])
