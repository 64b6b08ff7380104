"""A real HTTP server and curl, on a network that goes bad and good again."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.measuring import LATENESS_S, wait_until
from tests.e2e.trixter_process import Trixter
from tests.e2e.upstreams import http_server, program

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CONTENT = random.Random(1).randbytes(20_000_000)

# What curl's manual says of its exit status.
PARTIAL_FILE = 18
NOTHING_ANSWERED = 52
FAILED_TO_RECEIVE = 56

# What it says of a reset: of the opening, before the answer, of the request, of the answer.
RESET = {7, 52, 55, FAILED_TO_RECEIVE}


@pytest.fixture(scope="module")
def flags(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Lead to an HTTP server that has two files."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "large").write_bytes(CONTENT)
    (folder / "small").write_bytes(CONTENT[:200_000])
    with http_server(folder) as port:
        yield ["--upstream", f"127.0.0.1:{port}"]


def test_a_download_arrives_byte_for_byte_whatever_the_network(trixter: Trixter, tmp_path: Path) -> None:
    bad: dict[str, dict[str, int]] = {
        "delay": {"delay_ms": 30, "jitter_ms": 20},
        "throttle": {"rate_bytes": 20_000_000},
        "slice": {"size_bytes": 1_460, "variation_bytes": 700},
    }
    good = {"delay": {"delay_ms": 0}, "throttle": {"rate_bytes": 0}, "slice": {"size_bytes": 0}}
    for defaults in ({}, bad, good):
        trixter.change_defaults(**defaults)
        status, _ = _curl(trixter, "large", tmp_path / "large")
        assert status == 0
        assert (tmp_path / "large").read_bytes() == CONTENT


@pytest.mark.timing
def test_curl_measures_the_latency(trixter: Trixter, tmp_path: Path) -> None:
    trixter.change_defaults(delay={"delay_ms": 100})
    _, slow = _curl(trixter, "small", tmp_path / "small")
    # Connecting is with the proxy; the request goes there and the answer comes back.
    assert slow["time_starttransfer"] - slow["time_connect"] >= 0.2 - 0.001

    trixter.change_defaults(delay={"delay_ms": 0, "direction": "downstream"})
    taken = [_first_byte_s(_curl(trixter, "small", tmp_path / "small")[1]) for _ in range(3)]
    assert 0.1 - 0.001 <= min(taken) <= 0.1 + LATENESS_S


def test_curl_measures_the_rate(trixter: Trixter, tmp_path: Path) -> None:
    trixter.change_defaults(throttle={"rate_bytes": 100_000})
    _, measured = _curl(trixter, "small", tmp_path / "small")

    # Its header is sent at that rate, too.
    assert measured["time_total"] >= 2 * 0.99
    assert measured["speed_download"] <= 100_000 / 0.99
    assert (tmp_path / "small").read_bytes() == CONTENT[:200_000]


def test_a_reset_ends_a_download(trixter: Trixter, tmp_path: Path) -> None:
    trixter.change_defaults(termination={"probability_rate": 0.05}, slice={"size_bytes": 0})
    status, _ = _curl(trixter, "large", tmp_path / "large")
    assert status in RESET
    trixter.wait_for_log(" ended: terminated; ")

    trixter.change_defaults(termination={"probability_rate": 0})
    assert _curl(trixter, "large", tmp_path / "large")[0] == 0


def test_a_connection_that_is_too_old_ends_a_download(trixter: Trixter, tmp_path: Path) -> None:
    trixter.change_defaults(connection_duration_ms=500, throttle={"rate_bytes": 100_000})
    status, measured = _curl(trixter, "large", tmp_path / "large")

    assert status == FAILED_TO_RECEIVE
    assert measured["time_total"] >= 0.5 - 0.001
    trixter.wait_for_log(" ended: duration; ")


def test_a_shutdown_cuts_a_download_short(trixter: Trixter, tmp_path: Path) -> None:
    trixter.change_defaults(throttle={"rate_bytes": 100_000})
    with subprocess.Popen(
        _curl_command(trixter, "large", tmp_path / "large"), stdout=subprocess.DEVNULL
    ) as curl:
        wait_until(trixter.connections, "the download to begin")
        trixter.shut_down("_all", "enough")
        # An ordinary end, and too early for what the header promised, or before there was one.
        assert curl.wait() in (PARTIAL_FILE, NOTHING_ANSWERED)


def test_a_corrupt_answer_is_no_answer(trixter: Trixter, tmp_path: Path) -> None:
    trixter.change_defaults(corruption={"probability_rate": 1, "direction": "downstream"})
    status, _ = _curl(trixter, "small", tmp_path / "small")
    assert status != 0 or (tmp_path / "small").read_bytes() != CONTENT[:200_000]

    trixter.change_defaults(corruption={"probability_rate": 0})
    assert _curl(trixter, "small", tmp_path / "small")[0] == 0
    assert (tmp_path / "small").read_bytes() == CONTENT[:200_000]


def _curl_command(trixter: Trixter, name: str, path: Path) -> list[str]:
    return [
        program("curl"), "--silent", "--max-time", "60", "--noproxy", "*", "--http1.1",
        "--output", str(path), "--write-out", "%{json}", f"http://127.0.0.1:{trixter.port}/{name}",
    ]  # fmt: skip


def _curl(trixter: Trixter, name: str, path: Path) -> tuple[int, dict[str, float]]:
    """Download through the proxy; return curl's exit status and what it measured."""
    done = subprocess.run(_curl_command(trixter, name, path), capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout)


def _first_byte_s(measured: dict[str, float]) -> float:
    return measured["time_starttransfer"] - measured["time_connect"]
