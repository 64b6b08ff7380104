"""``trixter profiles``, and profiles as flags."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trixter.cli.main import main
from trixter.cli.options import FaultFlags, Options
from trixter.faults import Latency, Throttle
from trixter.profiles import find_profile, published_profiles
from trixter.proxy import Defaults

OWN = """
[profiles.office]
source = "measured \\u001b[2J"
down_kbit = 8000
round_trip_ms = 90
jitter_ms = 10
terminate_probability = 0.01
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "networks.toml"
    path.write_text(OWN)
    return str(path)


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(args)
    return int(left.value.code or 0)


def test_every_published_profile_is_a_row_with_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("profiles") == 0
    above, heading, *rows = capsys.readouterr().out.splitlines()
    assert above.split() == ["down", "up"]
    assert heading.split() == ["name", "kbit/s", "kbit/s", "round", "trip", "loss", "source"]
    assert [row.split()[0] for row in rows] == list(published_profiles())
    assert rows[1].split() == ["edge", "240", "200", "840", "ms", "WebPageTest:", "Edge"]
    assert [row for row in rows if row != row.rstrip()] == []


@pytest.mark.parametrize("given_by", ["flag", "environment"])
def test_a_file_adds_rows_in_which_nothing_moves_the_cursor(
    file: str, given_by: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if given_by == "environment":
        monkeypatch.setenv("TRIXTER_PROFILES", file)
    assert run("profiles", *(["--profiles-file", file] if given_by == "flag" else [])) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.split(maxsplit=5) == [
        "office", "8000", "-", "90", "ms", "measured \\x1b[2J, terminate 1 %, jitter 10 ms"
    ]  # fmt: skip


def test_for_scripts_there_are_all_numbers_and_the_faults(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("profiles", "--json", "--profiles-file", file) == 0
    office = json.loads(capsys.readouterr().out)[-1]
    assert (office["name"], office["down_kbit"], office["up_kbit"]) == ("office", 8000, None)
    assert office["faults"]["downstream"] == {
        "delay": {"delay_ms": 45, "jitter_ms": 5},
        "throttle": {"rate_bytes": 1_000_000},
        "termination": {"probability_rate": 0.01},
    }


def test_a_file_that_is_none_is_one_line_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "nowhere.toml")
    assert run("profiles", "--profiles-file", missing) == 1
    assert capsys.readouterr().err == f"trixter: {missing}: cannot be read: no such file or directory\n"


@pytest.mark.parametrize(
    "args",
    [
        ["--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:9"],
        ["run", "--upstream", "127.0.0.1:9"],
        ["set", "_all"],
        ["defaults"],
    ],
)
def test_a_name_that_does_not_exist_is_one_line_and_status_2(
    args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--", "true"] if args[0] == "run" else []
    assert run(*args, "--profile", "egde", *command) == 2
    said = "trixter: --profile must be the name of a profile, not 'egde'; did you mean edge?\n"
    assert capsys.readouterr().err == said


def test_a_proxy_begins_with_the_profile_and_flags_take_the_place_of_its_faults() -> None:
    edge = find_profile("edge")
    options = Options(listen="a:1", upstream="b:2", profile="edge")
    assert options.defaults() == Defaults(upstream=edge.upstream, downstream=edge.downstream)
    flags = FaultFlags({"delay_ms": 0, "jitter_ms": 5, "throttle_rate_bytes": 9})
    slow = Options(listen="a:1", upstream="b:2", profile="edge", faults=flags)
    assert slow.defaults().upstream.find(Latency) == Latency(jitter_s=0.005)
    assert slow.defaults().downstream.find(Throttle) == Throttle(rate_bytes_per_s=9)


def test_a_proxy_begins_with_a_profile_of_a_file(file: str) -> None:
    options = Options(listen="a:1", upstream="b:2", profile="office", profiles_file=file)
    assert options.defaults().upstream.find(Latency) == Latency(delay_s=0.045, jitter_s=0.005)
