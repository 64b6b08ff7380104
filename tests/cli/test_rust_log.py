"""RUST_LOG: the log level of the original's environment variable."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Callable

import pytest

from tests.cli.program import Program, connect, echo_server
from trixter.cli.flags import LEVEL
from trixter.cli.main import RUST_LEVELS, level_of, trixter

Start = Callable[..., Program]


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("error", "error"),
        ("warn", "warning"),
        ("info", "info"),
        ("debug", "debug"),
        ("trace", "debug"),
        ("off", "off"),
        ("ERROR", "error"),
        ("Off", "off"),
        ("0", "off"),
        ("3", "info"),
        ("trixter=debug,info", "debug"),
        ("info,trixter=debug", "debug"),
        ("info,trixter=error", "error"),
        ("trixter=off,info", "off"),
        ("info,tokio=warn", "info"),
        ("tokio=warn,error", "error"),
        (" warn , hyper=info ", "warning"),
        ("trixter", "debug"),
        ("trixter=2", "warning"),
        ("info,debug", "debug"),
        ("trixter=info,trixter=error", "error"),
        ("hyper::proto=trace,axum-core=info,warn", "warning"),
    ],
)
def test_directives_are_read_as_the_original_does(text: str, level: str) -> None:
    assert level_of(text) == (level, [])


@pytest.mark.parametrize("text", ["", ",", " , ", "tokio=debug", "trixter::api=debug", "hyper", "verbose"])
def test_what_is_about_other_programs_says_nothing_about_this_one(text: str) -> None:
    assert level_of(text) == (None, [])


@pytest.mark.parametrize(
    ("text", "level", "unread"),
    [
        ("x=loud", None, ["x=loud"]),
        ("trixter=loud", None, ["trixter=loud"]),
        ("trixter=loud,error", "error", ["trixter=loud"]),
        ("info/regex", None, ["info/regex"]),
        ("=debug", None, ["=debug"]),
        ("9,warn", "warning", ["9"]),
        ("trixter[conn{id=7}]=debug,info", "info", ["trixter[conn{id=7}]=debug"]),
        ("a=b=c,\x1b[2J", None, ["a=b=c", "\x1b[2J"]),
        ("trixter=", None, ["trixter="]),
    ],
)
def test_what_is_no_directive_is_told_and_the_others_count(
    text: str, level: str | None, unread: list[str]
) -> None:
    assert level_of(text) == (level, unread)


@pytest.mark.parametrize("level", sorted(set(RUST_LEVELS.values())))
def test_every_level_is_one_of_the_flags(level: str) -> None:
    assert LEVEL.convert(level, None, None) == level


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The level with which the command would run."""
    seen: list[str] = []
    monkeypatch.setattr("trixter.cli.serve.serve", lambda options: seen.append(options.log_level))

    def level(*args: str) -> str:
        addresses = ["--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:9"]
        trixter.main([*addresses, *args], prog_name="trixter", standalone_mode=False)
        return seen[-1]

    return level


def test_it_counts_where_no_level_is_given(
    asked_for: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked_for() == "info"
    monkeypatch.setenv("RUST_LOG", "warn")
    assert asked_for() == "warning"
    assert asked_for("--log-level", "debug") == "debug"
    monkeypatch.setenv("TRIXTER_LOG_LEVEL", "error")
    assert asked_for() == "error"


def test_what_cannot_be_read_costs_one_line(
    asked_for: Callable[..., str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUST_LOG", "trixter=loud,a=b=c\x1b[2J")
    assert asked_for() == "info"
    ignored = "trixter: RUST_LOG: ignored 'trixter=loud', 'a=b=c\\x1b[2J'"
    line = f"{ignored}; a directive is such as info or trixter=debug\n"
    assert capsys.readouterr() == ("", line)
    assert asked_for("--log-level", "info") == "info"
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "levels"),
    [
        ({"env": {"RUST_LOG": "off"}}, []),
        ({"env": {"RUST_LOG": "error"}}, ["ERROR"]),
        ({"env": {"RUST_LOG": "trixter=warn,debug"}}, ["ERROR"]),
        ({"env": {"TRIXTER_LOG_LEVEL": "off", "RUST_LOG": "debug"}}, []),
        ({"env": {"RUST_LOG": "info"}}, ["INFO"] * 4 + ["ERROR", "INFO", "INFO"]),
    ],
)
def test_the_log_of_a_connection_that_is_shut_down(
    start: Start, settings: dict[str, dict[str, str]], levels: list[str], free_ports: tuple[int, int]
) -> None:
    listen, api = free_ports
    with echo_server() as server:
        args = ("-l", f"127.0.0.1:{listen}", "-c", server, "-a", f"127.0.0.1:{api}")
        program = start(*args, **settings)
        _await_health(api)
        with connect(("127.0.0.1", listen)) as client:
            client.sendall(b"ping")
            client.recv(100)
            _shut_all_down(api, "because")
            assert client.recv(100) == b""
        assert program.stop() == 0
    assert [line.split()[1] for line in program.log.splitlines()] == levels
    assert ("ended: shutdown: because; " in program.log) == bool(levels)


@pytest.mark.slow
def test_run_leaves_it_to_its_command(start: Start) -> None:
    child = (sys.executable, "-c", "import os; print(os.environ['RUST_LOG'])")
    program = start("run", "--upstream", "127.0.0.1:9", "--", *child, env={"RUST_LOG": "off,a=b=c"})
    assert program.end() == (0, "off,a=b=c\n")
    assert "random seed: " in program.log
    assert "RUST_LOG" not in program.log


def _await_health(port: int) -> None:
    while True:
        try:
            api = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            api.request("GET", "/health")
            assert api.getresponse().read() == b"ok"
        except ConnectionRefusedError:
            continue
        finally:
            api.close()
        return


def _shut_all_down(port: int, reason: str) -> None:
    api = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": "application/json"}
    api.request("POST", "/connections/_all/shutdown", json.dumps({"reason": reason}), headers)
    assert api.getresponse().read() == b""
    api.close()
