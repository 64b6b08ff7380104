"""``trixter run``: a command with a proxy of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Callable
from io import RawIOBase

import pytest

from tests.cli.child_programs import CAN_WAIT, COUNT, LISTEN_FOR, TALK, python
from tests.cli.program import COMMAND, PATIENCE_S, WITHOUT_UVLOOP, Program, closed_port, echo_server

pytestmark = pytest.mark.slow

Start = Callable[..., Program]

NOWHERE = ("run", "--upstream", "127.0.0.1:9")
LOOPS = pytest.mark.parametrize("code", [COMMAND, WITHOUT_UVLOOP], ids=["uvloop", "asyncio"])


@LOOPS
def test_the_child_talks_through_the_proxy(start: Start, code: str) -> None:
    with echo_server() as server:
        program = start("run", "--upstream", server, "--", *python(TALK), code=code)
        assert program.end() == (0, "ping\n")
    assert f"→ upstream {server}" in program.log


def test_faults_of_the_flags_are_on(start: Start) -> None:
    with echo_server() as server:
        timed = f"import time; began_at = time.monotonic(); {TALK}; print(time.monotonic() - began_at)"
        program = start("run", "--upstream", server, "--delay-ms", "100", "--", *python(timed))
        status, shown = program.end()
    assert status == 0
    assert float(shown.split()[1]) >= 0.2


def test_its_arguments_say_where_the_proxy_is(start: Start) -> None:
    program = start(*NOWHERE, "--", "echo", "redis://{address}/0", "{host}", "{port}", "${port}", "{other}")
    status, shown = program.end()
    host, _, port = shown.split()[0].removeprefix("redis://").removesuffix("/0").partition(":")
    assert status == 0
    assert shown.split() == [f"redis://{host}:{port}/0", host, port, "${port}", "{other}"]
    assert f"listening on {host}:{port} →" in program.log


def test_its_environment_says_where_the_api_is_and_with_what_token(start: Start) -> None:
    script = "echo $TRIXTER_PROXY_ADDRESS $TRIXTER_API_URL $TRIXTER_API_TOKEN"
    flags = ("--api", "127.0.0.1:0", "--api-token", "s3cret")
    program = start(*NOWHERE, *flags, "--", "sh", "-c", script)
    address, url, token = program.end()[1].split()
    assert (f"listening on {address} " in program.log, f"API on {url}\n" in program.log) == (True, True)
    assert token == "s3cret"


@pytest.mark.parametrize("status", [0, 3, 255])
def test_it_ends_with_the_childs_status(start: Start, status: int) -> None:
    program = start(*NOWHERE, "--", "sh", "-c", f"exit {status}")
    assert program.end() == (status, "")


def test_a_child_that_a_signal_ended_gives_128_and_its_number(start: Start) -> None:
    program = start(*NOWHERE, "--", "sh", "-c", "kill -KILL $$")
    assert program.end()[0] == 128 + signal.SIGKILL


def test_the_seed_is_told_and_told_again_when_the_child_fails(start: Start) -> None:
    program = start(*NOWHERE, "--random-seed", "42", "--", "false")
    assert program.end()[0] == 1
    told = [line.split(maxsplit=2)[2] for line in program.log.splitlines()]
    assert told[0] == "random seed: 42"
    assert told[1].startswith("listening on ")
    assert told[2:] == [
        "upstream 127.0.0.1:9 does not answer yet: connection refused",
        "false ended with status 1; to replay it: --random-seed 42",
    ]


@pytest.mark.parametrize(("flags", "is_shown"), [((), False), (("--log-level", "info"), True)])
def test_connections_are_logged_if_asked_for(start: Start, flags: tuple[str, ...], is_shown: bool) -> None:
    with echo_server() as server:
        program = start("run", "--upstream", server, *flags, *python(TALK))
        assert program.end()[0] == 0
    assert (" opened: " in program.log) == is_shown


@LOOPS
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_the_child_and_its_status_is_ours(
    start: Start, number: signal.Signals, code: str
) -> None:
    child = python(LISTEN_FOR.format(number=int(number)))
    program = start(*NOWHERE, "--", *child, code=code, start_new_session=True)
    program.wait_for("^ready$")
    program.send(number)
    assert program.end()[0] == number + 30


def test_a_child_that_goes_on_after_a_signal_keeps_the_proxy(start: Start) -> None:
    with echo_server() as server:
        handler = f"lambda *_: (exec({TALK!r}), sys.exit(5))"
        child = python(
            f"{CAN_WAIT}import sys; signal.signal(signal.SIGTERM, {handler});"
            "print('ready', file=sys.stderr, flush=True);"
            "wait()"
        )
        program = start("run", "--upstream", server, "--", *child)
        program.wait_for("^ready$")
        program.send(signal.SIGTERM)
        assert program.end() == (5, "ping\n")


def test_nothing_listens_when_it_has_ended(start: Start) -> None:
    program = start(*NOWHERE, "--", "echo", "{port}")
    port = int(program.end()[1])
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_the_child_has_as_many_descriptors_as_we_were_granted(start: Start) -> None:
    code = f"import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (64, 128)); {COMMAND}"
    program = start(*NOWHERE, "--", "sh", "-c", "ulimit -Sn; ulimit -Hn", code=code)
    assert program.end() == (0, "64\n128\n")


@pytest.mark.parametrize(
    ("command", "status", "why"),
    [("no-such-program", 127, "no such file or directory"), (os.curdir, 126, "permission denied")],
)
def test_a_command_that_cannot_be_run_has_the_status_a_shell_gives(
    start: Start, command: str, status: int, why: str
) -> None:
    program = start(*NOWHERE, "--", command)
    assert program.end() == (status, "")
    assert program.log.splitlines()[-1] == f"trixter: cannot run {command!r}: {why}"


def test_a_port_in_use_starts_no_child(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        program = start(*NOWHERE, "--listen", address, "--", "echo", "started")
        assert program.end() == (1, "")
    assert program.log == f"trixter: cannot listen on {address}: address already in use\n"


def test_a_child_may_start_another(start: Start) -> None:
    with closed_port() as server:
        inner = ("run", "--upstream", server, "--", "sh", "-c", "exit 7")
        code = f"import sys; sys.argv[0] = 'trixter'; {COMMAND}"
        program = start(*NOWHERE, "--", sys.executable, "-c", code, *inner)
        assert program.end()[0] == 7


def test_ctrl_c_at_a_terminal_reaches_the_child_once() -> None:
    ours, theirs = pty.openpty()
    keep_output_at_an_interrupt(theirs)
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            COMMAND,
            *NOWHERE,
            "--log-level",
            "error",
            "--",
            *python(COUNT),
            "{host}",
            "{port}",
        ],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as terminal, process:
        read_until(b"ready", terminal)
        os.write(terminal.fileno(), b"\x03")
        read_until(b"interrupted", terminal)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 41


def keep_output_at_an_interrupt(terminal: int) -> None:
    """Have a terminal keep its output: after Ctrl-C it discards what the child may have written by then."""
    attributes = termios.tcgetattr(terminal)
    attributes[3] |= termios.NOFLSH
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)


def read_until(wanted: bytes, terminal: RawIOBase) -> None:
    """Read what a terminal shows, up to these words."""
    shown = b""
    while wanted not in shown:
        try:
            shown += terminal.read(1000) or b""
        except OSError as exc:  # Linux says so when the other side is closed
            pytest.fail(f"{exc} before {wanted!r}, after {shown!r}")
