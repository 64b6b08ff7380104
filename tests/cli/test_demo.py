"""The demo: its steps, its ends and the commands that it prints."""

from __future__ import annotations

import http.client
import re
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.program import COMMAND, PATIENCE_S, Program
from trixter.cli.demo import peers
from trixter.cli.demo.demo import PROXY_PORT, StepLines, program_name, while_it_stays
from trixter.cli.demo.peers import HttpClient
from trixter.errors import BindError

Start = Callable[..., Program]

# So that a test can wait for what is shown, too.
ON_STDERR = f"import sys; sys.stdout = sys.stderr; {COMMAND}"


@pytest.mark.slow
def test_the_demo_shows_each_fault_and_says_what_to_type_next(start: Start) -> None:
    program = start("demo")
    status, shown = program.end()
    assert (status, program.log) == (0, "")
    steps = re.findall(r"^  (\S.*?)  +(\S.*)$", shown, re.MULTILINE)
    assert [done.split(maxsplit=1)[0] for done, _ in steps] == [
        "no", "delay", "delay", "throttle", "throttle", "slice", "corrupt", "terminate", "close", "no",
    ]  # fmt: skip
    seen = dict(steps)
    delayed_ms = re.search(r"takes ([\d.]+) ms", seen["delay 250 ms"])
    assert delayed_ms
    assert float(delayed_ms[1]) >= 495
    assert "ECONNRESET" in seen["terminate at the next byte"]
    assert "the same bytes as at first" in seen["no faults again"]
    for command in (
        "demo --stay",
        "--listen 127.0.0.1:8080",
        "watch",
        "set --all --delay-ms 250",
        "kill --all",
    ):
        assert command in shown
    assert max(map(len, shown.partition("Type next:")[2].splitlines())) <= 80


@pytest.mark.slow
def test_a_demo_that_stays_runs_until_a_signal(start: Start) -> None:
    with ExitStack() as other_servers:
        # Ports of the examples that are taken are replaced by others.
        with suppress(OSError):  # taken already
            other_servers.enter_context(socket.create_server(("127.0.0.1", PROXY_PORT)))
        program = start("demo", "--stay", code=ON_STDERR)
        program.wait_for("client → proxy")
    proxy = program.wait_for(r"proxy on http://([\d.:]+),")[1]
    api_address = program.wait_for(r"its API on http://([\d.:]+)\.")[1]
    program.wait_for("The log:")
    client = http.client.HTTPConnection(proxy, timeout=PATIENCE_S)
    client.request("GET", "/")
    assert client.getresponse().read() == peers.GREETING
    client.close()
    api = http.client.HTTPConnection(api_address, timeout=PATIENCE_S)
    api.request("GET", "/health")
    assert api.getresponse().read() == b"ok"
    api.close()
    program.wait_for("ended: closed")
    program.send(signal.SIGINT)
    assert program.end()[0] == 0
    assert "Traceback" not in program.log


@pytest.mark.slow
def test_a_demo_that_is_spoiled_fails_in_one_line(start: Start) -> None:
    program = start("demo", code=ON_STDERR)
    api = http.client.HTTPConnection(program.wait_for(r"the API is on (\S+)")[1], timeout=PATIENCE_S)
    headers = {"Content-Type": "application/json"}
    with closing(api), suppress(OSError, http.client.HTTPException):  # until the program has ended
        while program.is_running:
            api.request("POST", "/connections/_all/shutdown", '{"reason":"spoiled"}', headers)
            api.getresponse().read()
    assert program.end()[0] == 1
    assert program.log.splitlines()[-1].startswith("trixter demo: ")
    assert "Traceback" not in program.log
    assert "Type next" not in program.log


@pytest.mark.slow
def test_a_signal_ends_the_show(start: Start) -> None:
    program = start("demo", code=ON_STDERR)
    program.wait_for("delay 250 ms")
    program.send(signal.SIGTERM)
    assert program.end()[0] == 0
    assert "Traceback" not in program.log
    assert "trixter demo: " not in program.log
    assert "no faults again" not in program.log


@pytest.mark.slow
def test_an_interrupted_demo_that_stays_does_not_stay(start: Start) -> None:
    program = start("demo", "--stay", code=ON_STDERR)
    program.wait_for("no faults")
    program.send(signal.SIGINT)
    assert program.end()[0] == 0
    assert "Paste" not in program.log


def test_what_the_server_serves() -> None:
    with peers.start_server(0) as server, closing(HttpClient(server.address, timeout_s=PATIENCE_S)) as client:
        assert client.get("/").whole.endswith(b"\r\n\r\n" + peers.GREETING)
        assert client.get("/bytes/20").whole.endswith(b"\r\n\r\n000000000000000\n0000")
        assert client.get("/").whole == client.get("/").whole
        # An error ends the connection.
        assert client.get_until_closed("/bytes/many").whole.startswith(b"HTTP/1.1 404 ")


def test_it_serves_a_connection_that_lasts_until_it_is_closed() -> None:
    with peers.start_server(0) as server:
        client = http.client.HTTPConnection(server.address, timeout=PATIENCE_S)
        client.request("GET", "/ticks")
        response = client.getresponse()
        assert response.readline() == b"   0 s\n"
        server.server_close()
        while response.readline():
            pass
        response.close()
        client.close()


def test_it_cannot_serve_on_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other_server, pytest.raises(BindError):
        peers.start_server(other_server.getsockname()[1])


def test_its_bytes_are_as_many_as_asked_for() -> None:
    assert [len(peers.counted_bytes(size)) for size in (0, 1, 16, 17, 32768)] == [0, 1, 16, 17, 32768]


@pytest.mark.parametrize(
    ("argv0", "typed"),
    [
        (".venv/bin/trixter", ".venv/bin/trixter"),
        ("{here}/.venv/bin/trixter", ".venv/bin/trixter"),
        ("{there}/trixter", "{there}/trixter"),
        ("{here}/on_path/trixter", "trixter"),
    ],
)
def test_commands_to_paste_name_the_program_as_it_can_be_found_here(
    argv0: str, typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    for folder in (here / ".venv/bin", here / "on_path", tmp_path / "elsewhere"):
        folder.mkdir(parents=True)
        (folder / "trixter").touch(mode=0o755)
    monkeypatch.chdir(here)
    monkeypatch.setenv("PATH", str(here / "on_path"))
    monkeypatch.setattr("sys.argv", [argv0.format(here=here, there=tmp_path / "elsewhere")])
    assert program_name() == typed.format(there=tmp_path / "elsewhere")


def test_a_program_run_as_a_module_is_named_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/x/trixter/__main__.py"])
    assert program_name().endswith(" -m trixter")


def lines_of(*, is_terminal: bool) -> str:
    """Return what is printed of a transfer of four reads, of which the third comes too soon to be drawn."""
    printed = StringIO()
    screen = Console(file=printed, force_terminal=is_terminal, color_system=None, width=80)
    times = iter([0.0, 0.1, 0.11, 0.2])
    lines = StepLines(screen, lambda: next(times))
    for received_bytes, seconds in ((0, 0.0), (8192, 0.125), (9000, 0.13), (32768, 0.5)):
        lines.transfer("throttle to 64 KiB/s", received_bytes, 32768, seconds)
    lines.step("throttle to 64 KiB/s", "32 KiB take 500 ms")
    return printed.getvalue()


def test_a_bar_shows_a_transfer_at_a_terminal_and_makes_room_for_the_result() -> None:
    first, second, last, result = lines_of(is_terminal=True).split("\r\x1b[2K")[1:]
    assert first.split()[4:] == ["╌" * 20, "0", "B/s"]
    assert second.split()[4:] == ["━" * 5 + "╌" * 15, "64.0", "KiB/s"]
    assert last.split()[4:] == ["━" * 20, "64.0", "KiB/s"]
    assert result.split() == ["throttle", "to", "64", "KiB/s", "32", "KiB", "take", "500", "ms"]


def test_elsewhere_there_is_only_the_result() -> None:
    assert lines_of(is_terminal=False) == f"  {'throttle to 64 KiB/s':<31}32 KiB take 500 ms\n"


@pytest.mark.parametrize(("port", "more"), [(8888, ""), (40124, " --api 127.0.0.1:40124")])
def test_commands_name_the_api_if_it_is_not_the_usual_one(port: int, more: str) -> None:
    text = while_it_stays("trixter", proxy="127.0.0.1:1", upstream="127.0.0.1:2", api=f"127.0.0.1:{port}")
    assert f"trixter set --all --delay-ms 250{more}\n" in text
    assert max(map(len, text.splitlines())) <= 80
