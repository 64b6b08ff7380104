"""The load generator, connected to itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.generator import compiled, idle_wanted, loaded, run
from benchmarks.ports import unused_ports
from benchmarks.process import Failed

needs_cc = pytest.mark.skipif(shutil.which("cc") is None, reason="the load generator needs a C compiler (cc)")


@pytest.fixture
def port() -> int:
    return unused_ports(1)[0]


def run_until_counted(options: str, port: int) -> dict[str, float]:
    """Run for longer and longer, until a busy machine has got messages through, also in the warm-up."""
    for seconds in (0.1, 1, 10):
        got = run(options, port=port, upstream=port, seconds=seconds)
        if got["total_count"] > got["count"] > 0:
            return got
    pytest.fail("in 10 s not one message in the warm-up, or none after it")


@needs_cc
@pytest.mark.slow
def test_every_message_of_oneway_arrives_and_is_timed(port: int) -> None:
    options = "oneway --connections 4 --every-ms 8 --idle 3"

    got = run_until_counted(options, port)

    # Four connections, each every 8 ms, on a machine that has time for them.
    assert got["count"] <= 4 * (got["seconds"] / 0.008 + 1)
    assert 0 < got["min_us"] <= got["p50_us"] <= got["p99_us"] <= got["max_us"]
    assert got["idle"] == 3


@needs_cc
@pytest.mark.slow
@pytest.mark.parametrize("options", ["pingpong --connections 2", "connect --connections 2"])
def test_messages_are_counted(options: str, port: int) -> None:
    assert run_until_counted(options, port)["seconds"] > 0


@needs_cc
@pytest.mark.slow
def test_paced_sends_as_many_bytes_as_it_was_told(port: int) -> None:
    got = run("paced --size 123456", port=port, upstream=port, seconds=60)

    assert got["bytes"] == got["total_bytes"] == 123_456
    assert got["seconds"] < 60


@needs_cc
@pytest.mark.slow
def test_idle_connections_stay_until_the_context_ends(port: int) -> None:
    with loaded("idle --idle 20", port=port, upstream=port, seconds=1) as got:
        assert got["idle"] == 20


@needs_cc
@pytest.mark.slow
def test_a_connection_that_is_not_accepted_is_a_failure_with_its_reason() -> None:
    unused, upstream = unused_ports(2)

    with pytest.raises(Failed, match="connect: Connection refused"):
        run("pingpong", port=unused, upstream=upstream, seconds=0.1)


def test_without_a_compiler_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("benchmarks.generator.PROGRAM", tmp_path / "load")
    monkeypatch.setenv("PATH", "")

    with pytest.raises(Failed, match="install a C compiler") as caught:
        compiled()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "wanted"), [("pingpong", 0), ("oneway --idle 0", 0), ("oneway --idle 25 --size 64", 25)]
)
def test_the_idle_connections_that_are_wanted_are_in_the_words(options: str, wanted: int) -> None:
    assert idle_wanted(options) == wanted
