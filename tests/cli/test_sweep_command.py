"""``trixter sweep``: a command under each break, the map, and the command that repeats a round."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.program import closed_port
from tests.testing.echo import echo_server
from trixter.cli import repeated_command, sweep_command
from trixter.cli.main import main
from trixter.cli.repeated_command import KEPT_BYTES, CannotRun, RepeatedCommand
from trixter.testing import rounds, watchdog

# A client in bash, which needs a tenth of the time of one in Python.
TALK = "exec 3<>/dev/tcp/{host}/{port}; echo hello >&3; read -r answer <&3"
ONE_POINT = ("--break", "close", "--at", "message", "--direction", "downstream")
BYTE_0 = "close, connection 1, downstream, byte 0, before `hello\\n`"


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no round hang, and none leak, because the machine is busy."""
    monkeypatch.setattr(rounds, "LEAST_TIMEOUT_S", 600.0)
    monkeypatch.setattr(rounds, "LEAK_GRACE_S", 600.0)


@pytest.fixture
def server() -> Iterator[str]:
    with echo_server() as address:
        yield address


def swept(args: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run the command; return its status and what it printed."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main(["sweep", *args])
    printed = capsys.readouterr()
    return int(left.value.code or 0), printed.out, printed.err


def args_of(server: str, script: str, *flags: str) -> list[str]:
    return ["--upstream", server, *flags, "--", "bash", "-c", script]


@pytest.mark.parametrize(
    ("otherwise", "outcome", "status"),
    [
        ("true", "ok", 0),
        (f"{{ {TALK}; }}", "ok after a retry", 0),
        ("exit 3", "exit status 3", 0),
        ("kill -SEGV $$", "killed by SIGSEGV", 0),
        ("exit 9", "wrong", 1),
    ],
)
def test_the_end_of_the_command_is_the_outcome_of_its_round(
    otherwise: str, outcome: str, status: int, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    args = args_of(server, f"{TALK} || {otherwise}", *ONE_POINT, "--wrong-status", "9")
    ended, shown, log = swept(args, capsys)
    assert (ended, log) == (status, "")
    lines = shown.splitlines()
    assert lines[0] == f"sweep of {server}: close at every message, downstream"
    assert lines[1].startswith("  calm: 1 connection, 2 messages, 2 operations, 12 bytes, ")
    assert lines[3:5] == ["  connection 1, downstream", f"    byte 0: {outcome}"]


def test_the_map_ends_with_the_command_that_repeats_the_first_round_that_failed(
    server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = f"echo begun; {TALK} || {{ echo 'no answer'; exit 1; }}"
    flags = ("--accept", "ok", "--at", "every byte", "--break", "close", "--delay-ms", "1")
    status, shown, _ = swept(args_of(server, script, *flags), capsys)
    *_, failed, heading, begun, answer, repeating, command = shown.splitlines()
    assert status == 1
    assert (
        failed
        == "the round that failed: close, connection 1, upstream, byte 0, before `hello\\n`: exit status 1"
    )
    assert (heading, begun, answer) == ("its output:", "  | begun", "  | no answer")
    assert repeating == "to repeat just that round:"
    program, subcommand, *args = shlex.split(command)
    assert (program, subcommand, args[-4:]) == ("trixter", "sweep", ["--", "bash", "-c", script])
    assert "--random-seed" in args
    status, again, _ = swept(args, capsys)
    assert status == 1
    assert "1 round for 14 points" in again
    assert again.splitlines()[-6:] == shown.splitlines()[-6:]


def test_the_retry_is_broken_as_well(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    args = args_of(server, f"( {TALK} ) || ( {TALK} )", *ONE_POINT, "--also-retry")
    status, shown, _ = swept(args, capsys)
    lines = shown.splitlines()
    assert status == 0
    assert "    byte 0: ok after a retry" in lines
    assert lines[-1].endswith("byte 0: exit status 1")


def test_for_scripts_the_map_is_json_and_that_for_people_is_on_standard_error(
    server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, shown, log = swept(args_of(server, TALK, *ONE_POINT, "--json", "--accept", "ok,hang"), capsys)
    value = json.loads(shown)
    assert status == 1
    assert (value["upstream"], value["break_with"], value["points"]) == (server, "close", 1)
    assert [(each["first"], each["detail"]) for each in value["ranges"]] == [
        ("1:downstream:0", "exit status 1")
    ]
    assert (value["command"], value["failed"], value["stopped_by"]) == (
        ["bash", "-c", TALK],
        "1:downstream:0",
        None,
    )
    assert log.splitlines()[-1] == f"  {value['repeat']}"


def test_a_command_that_cannot_be_told_a_port_has_one_of_your_choice(
    server: str, capsys: pytest.CaptureFixture[str], free_ports: tuple[int, int]
) -> None:
    port, _ = free_ports
    script = TALK.format(host="127.0.0.1", port=port)
    status, shown, _ = swept(args_of(server, script, *ONE_POINT, "--listen", f"127.0.0.1:{port}"), capsys)
    assert status == 0
    assert "    byte 0: exit status 1" in shown.splitlines()


def test_a_plan_runs_the_calm_round_alone(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, shown, _ = swept(args_of(server, TALK, "--plan"), capsys)
    assert status == 0
    assert shown.splitlines()[-1].startswith("  plan: 5 rounds for 5 points, about ")


def test_all_output_is_shown_if_asked_for(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    args = args_of(server, f"{TALK}; echo $?", *ONE_POINT, "--verbose")
    assert swept(args, capsys)[2].splitlines() == [
        "sweep: the calm round",
        "0",
        "sweep: round 1 of 1: connection 1, downstream, byte 0",
        "1",
    ]


@pytest.mark.parametrize(
    ("script", "flags", "last"),
    [
        ("echo begun; exit 3", [], "the command fails without any break: exit status 3"),
        (TALK, ["--terminate-probability-rate", "1"], "the command fails without any break: exit status 1"),
        (f"{TALK}; exec sleep 600", ["--round-timeout-s", "0.01"], "the command hangs"),
        (
            "echo begun",
            [],
            f"the command opened no connection through the proxy: {sweep_command.ADDRESS_HINT}",
        ),
    ],
    ids=["fails", "fails by a fault", "hangs", "is silent"],
)
def test_a_calm_round_that_is_no_base_for_others_is_said(
    script: str,
    flags: list[str],
    last: str,
    server: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watchdog, "INTERRUPT_AFTER_S", 0.01)
    status, shown, log = swept(args_of(server, script, *flags), capsys)
    assert (status, shown) == (1, "")
    assert log.splitlines()[-1] == f"trixter: {last}"
    if "begun" in script:
        assert log.splitlines()[:-1] == ["the output of the calm round:", "  | begun"]


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (TALK, "fails without any break: exit status 1"),
        (f"{TALK} || true", "had no connection to the server"),
    ],
)
def test_a_server_that_cannot_be_reached_is_named(
    script: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with closed_port() as server:
        status, _, log = swept(args_of(server, script), capsys)
    assert status == 1
    assert log.splitlines()[-1] == f"trixter: the command {text}; {server} cannot be reached"


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--round", "1:upstream:99"], "--round must be a point of this sweep"),
        (
            ["--break", "cut", "--at", "message", "--direction", "upstream"],
            "--break must be a break that has a point",
        ),
    ],
)
def test_a_point_that_the_calm_round_does_not_have_is_refused_behind_it(
    flags: list[str], text: str, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    one_byte = "exec 3<>/dev/tcp/{host}/{port}; printf x >&3; read -rN 1 answer <&3"
    status, shown, log = swept(args_of(server, one_byte, *flags), capsys)
    assert (status, shown) == (2, "")
    assert log.startswith(f"trixter: {text}")


def test_a_round_that_hangs_is_ended_with_all_that_it_started(
    server: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rounds, "LEAST_TIMEOUT_S", 0.01)
    monkeypatch.setattr(rounds, "TIMES_CALM", 0)
    monkeypatch.setattr(watchdog, "INTERRUPT_AFTER_S", 0.01)
    reader = held_open_by(tmp_path / "open")
    waits = f"{{ exec 4>{tmp_path}/open; sleep 600; }}"
    status, shown, _ = swept(args_of(server, f"{TALK} || {waits}", *ONE_POINT), capsys)
    assert status == 1
    assert f"the round that failed: {BYTE_0}: hang" in shown
    assert at_end(reader)


@pytest.mark.parametrize("first", [":", "trap '' INT"])
def test_a_signal_ends_the_command_and_the_sweep_with_the_map_so_far(
    first: str, server: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeated_command, "KILL_AFTER_S", 600 if first == ":" else 0.01)
    script = f"{TALK} || {{ {first}; kill -INT $PPID; exec sleep 600; }}"
    status, shown, _ = swept(args_of(server, script, *ONE_POINT), capsys)
    assert status == 128 + signal.SIGINT
    assert shown.splitlines()[2].startswith("  0 rounds for 1 point, in ")
    assert shown.splitlines()[-2:] == ["    byte 0: not tried", "stopped by SIGINT"]


def test_at_a_terminal_the_round_in_progress_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "12")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    show = sweep_command._progress_of(is_verbose=False)
    show("sweep: round 1 of 2")
    show("")
    assert capsys.readouterr().err == "\r\x1b[Ksweep: roun\r\x1b[K"


def test_the_end_of_a_long_output_is_kept_and_its_last_lines_are_shown() -> None:
    taken: list[bytes] = []
    with RepeatedCommand(taken.append) as command:
        assert command.run(["sh", "-c", "seq 20000; echo end >&2"], {}) == 0
    assert len(command.output) == KEPT_BYTES
    assert b"".join(taken).endswith(bytes(command.output))
    assert sweep_command._quoted(bytes(command.output), "output")[::20] == [
        "output, its last 20 lines (--verbose shows all):",
        "  | end",
    ]


def test_a_command_has_no_input_and_no_terminal() -> None:
    ours = os.dup(0)
    reader, writer = os.pipe()
    try:
        os.dup2(reader, 0)
        with RepeatedCommand() as command:
            command.run(["sh", "-c", "echo $$; readlink /proc/$$/fd/0; cut -d ' ' -f 6 /proc/$$/stat"], {})
    finally:
        os.dup2(ours, 0)
        for each in (ours, reader, writer):
            os.close(each)
    pid, standard_input, session = command.output.decode().split()
    assert (standard_input, session) == (os.devnull, pid)


@pytest.mark.parametrize(
    ("first", "calls", "kill_after_s", "ended_by"),
    [
        (":", 1, 600, signal.SIGTERM),
        ("trap '' TERM", 2, 600, signal.SIGKILL),
        ("trap '' TERM", 1, 0.01, signal.SIGKILL),
    ],
    ids=["it ends", "another call", "in time"],
)
def test_a_command_is_killed_that_does_not_end(
    first: str, calls: int, kill_after_s: float, ended_by: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(ready: bytes) -> None:
        for _ in range(calls):
            command.end()

    monkeypatch.setattr(repeated_command, "KILL_AFTER_S", kill_after_s)
    with RepeatedCommand(end) as command:
        assert command.run(["sh", "-c", f"{first}; echo ready; exec sleep 600"], {}) == -ended_by


def test_what_a_command_leaves_running_is_killed(tmp_path: Path) -> None:
    reader = held_open_by(tmp_path / "open")
    with RepeatedCommand() as command:
        assert command.run(["sh", "-c", f"exec 3>{tmp_path}/open; sleep 600 &"], {}) == 0
    assert at_end(reader)


def test_a_program_that_has_left_the_session_delays_nothing() -> None:
    leaves = 'echo $(setsid sh -c "echo \\$\\$; exec sleep 600 >&2" &)'
    with RepeatedCommand() as command:
        assert command.run(["sh", "-c", leaves], {}) == 0
    with suppress(ProcessLookupError):
        os.kill(int(command.output), signal.SIGKILL)


def test_the_handlers_of_signals_are_afterwards_as_they_were_before() -> None:
    def handlers() -> list[object]:
        return [signal.getsignal(number) for number in signal.valid_signals()]

    before = handlers()
    with RepeatedCommand():
        assert handlers() != before
    assert handlers() == before
    assert signal.set_wakeup_fd(-1) == -1


def test_a_command_that_cannot_be_started_has_the_status_that_a_shell_gives() -> None:
    with RepeatedCommand() as command, pytest.raises(CannotRun) as caught:
        command.run([os.curdir], {})
    assert (str(caught.value.args[0]), caught.value.status) == ("cannot run '.': permission denied", 126)


def held_open_by(path: Path) -> int:
    """Make a pipe with a name, for a program that writes to it; return its reader."""
    os.mkfifo(path)
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def at_end(reader: int) -> bool:
    """Wait until no program has a pipe open."""
    os.set_blocking(reader, True)
    with os.fdopen(reader, "rb") as pipe:
        return pipe.read() == b""
