"""`trixter watch`: the terminal that it leaves as it was, and events and lines elsewhere."""

from __future__ import annotations

import io
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator

import pytest

from tests.cli.program import COMMAND, PATIENCE_S, Program, connect, echo_server
from tests.cli.test_tables import LATE, state
from trixter.cli.terminal import Keyboard
from trixter.cli.watch import Event, Kind, Snapshot, diff, line_of
from trixter.control import ConnectionInfo
from trixter.settings import Defaults

ONE = state(1, faults=LATE)


@pytest.mark.parametrize(
    ("kind", "what", "line"),
    [
        (Kind.DEFAULTS, Defaults(connection_duration_s=5), "defaults none; reset after 5 s"),
        (
            Kind.OPENED,
            ONE,
            "opened   a6e39e-1: 127.0.0.1:41821 → 127.0.0.1:8181, throttle 64 KiB/s, latency 250 ± 50 ms",
        ),
        (Kind.CHANGED, ONE, "changed  a6e39e-1: throttle 64 KiB/s, latency 250 ± 50 ms"),
        (
            Kind.ENDED,
            ONE,
            "ended    a6e39e-1: 127.0.0.1:41821 → 127.0.0.1:8181, ↑ 78 B ↓ 200.0 KiB, 12.3 s",
        ),
    ],
)
def test_a_line_says_what_happened(kind: Kind, what: ConnectionInfo | Defaults, line: str) -> None:
    assert line_of(Event(kind, what)) == line


Names = Snapshot[str, str]


def snapshot(*ids: str, faults: str = "", defaults: str = "calm") -> Names:
    return Snapshot({id: f"{id}{faults}" for id in ids}, dict.fromkeys(ids, faults), defaults)


def seen(before: Names | None, now: Names) -> list[tuple[str, str]]:
    return [(each.kind.value, each.subject) for each in diff(before, now)]


def test_at_first_everything_is_new() -> None:
    assert seen(None, snapshot("1", "2")) == [("defaults", "calm"), ("opened", "1"), ("opened", "2")]


def test_where_nothing_happened_nothing_is_told() -> None:
    assert seen(snapshot("1"), snapshot("1")) == []


def test_connections_come_and_go() -> None:
    assert seen(snapshot("1", "2"), snapshot("2", "3")) == [("ended", "1"), ("opened", "3")]


def test_other_faults_are_a_change() -> None:
    assert seen(snapshot("1"), snapshot("1", faults=" slow")) == [("changed", "1 slow")]


def test_other_defaults_are_told_once() -> None:
    assert seen(snapshot(), snapshot(defaults="slow")) == [("defaults", "slow")]
    assert seen(snapshot(defaults="slow"), snapshot(defaults="slow")) == []


ALTERNATE, ORDINARY = b"\x1b[?1049h", b"\x1b[?1049l"
SHOW_CURSOR = b"\x1b[?25h"
CTRL_C, CTRL_BACKSLASH = b"\x03", b"\x1c"

STATUSES = {"api": 1, "sighup": 128 + signal.SIGHUP, "ctrl-\\": 128 + signal.SIGQUIT}


class Terminal:
    """`trixter watch` in a terminal of 24 lines of 80 columns."""

    def __init__(self, *args: str) -> None:
        self._ours, self._theirs = pty.openpty()
        termios.tcsetwinsize(self._theirs, (24, 80))
        self.mode = termios.tcgetattr(self._theirs)
        self.shown = b""
        take = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        self.process = subprocess.Popen(
            [sys.executable, "-c", take + COMMAND, "watch", *args],
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            # Workers of pytest-xdist set COLUMNS and LINES, which come before the terminal's size.
            env={**os.environ, "TERM": "xterm", "COLUMNS": "", "LINES": ""},
            start_new_session=True,
        )

    def wait_for(self, text: bytes) -> None:
        while text not in self.shown:
            assert select.select([self._ours], [], [], PATIENCE_S)[0], self.shown
            self.shown += os.read(self._ours, 65536)

    def resize(self, columns: int) -> None:
        termios.tcsetwinsize(self._theirs, (24, columns))

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def current_mode(self) -> list[object]:
        return termios.tcgetattr(self._theirs)

    def close(self) -> int:
        status = self.process.wait(PATIENCE_S)
        while select.select([self._ours], [], [], 0)[0]:
            self.shown += os.read(self._ours, 65536)
        os.close(self._theirs)
        os.close(self._ours)
        return status


@pytest.mark.slow
@pytest.mark.parametrize("end", ["q", "ctrl-c", "ctrl-\\", "sigterm", "sighup", "api"])
def test_a_terminal_is_left_as_it_was(end: str, start: Callable[..., Program]) -> None:
    with echo_server() as server:
        program = start("--listen", "127.0.0.1:0", "--upstream", server, "--api", "127.0.0.1:0")
        address = program.proxy()
        api = program.wait_for(r"API on http://([\d.:]+)")[1]
        terminal = Terminal("--api", api, "--interval-s", "0.05")
        with connect(address) as client:
            terminal.wait_for(b"127.0.0.1:%d" % client.getsockname()[1])
            assert terminal.shown.index(ALTERNATE) < terminal.shown.index(b"faults for new connections: none")
            assert terminal.current_mode() != terminal.mode
            terminal.press(b"\x1b[Bk")
            program.wait_for("ended: shutdown: via trixter watch")
            match end:
                case "q":
                    terminal.press(b"q")
                case "ctrl-c":
                    terminal.press(CTRL_C)
                case "ctrl-\\":
                    terminal.press(CTRL_BACKSLASH)
                case "sighup":
                    terminal.process.send_signal(signal.SIGHUP)
                case "sigterm":
                    terminal.process.send_signal(signal.SIGTERM)
                case "api":
                    program.stop()
    terminal.wait_for(ORDINARY)
    terminal.process.wait(PATIENCE_S)
    mode = terminal.current_mode()
    status = terminal.close()
    assert mode == terminal.mode
    assert SHOW_CURSOR in terminal.shown
    assert status == STATUSES.get(end, 0), terminal.shown
    assert b"Traceback" not in terminal.shown
    if end == "api":
        assert terminal.shown.index(ORDINARY) < terminal.shown.index(b"no API answers at")


@pytest.mark.slow
def test_another_size_of_the_terminal_is_used_at_once(start: Callable[..., Program]) -> None:
    program = start("--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:1", "--api", "127.0.0.1:0")
    api = program.wait_for(r"API on http://([\d.:]+)")[1]
    terminal = Terminal("--api", api, "--interval-s", "3600")
    terminal.wait_for(b"9 fios")
    assert "…".encode() not in terminal.shown
    terminal.resize(70)
    terminal.wait_for("…".encode())
    terminal.press(b"q")
    assert terminal.close() == 0


@pytest.fixture
def keyboard() -> Iterator[tuple[Callable[[bytes], list[str]], int]]:
    """Yield a function that sends bytes to a keyboard and returns the keys, and its wake-up."""
    ours, theirs = pty.openpty()
    wakeup, wake = os.pipe()
    under_test = Keyboard(theirs, io.StringIO(), wakeup)

    def keys(data: bytes) -> list[str]:
        os.write(ours, data)
        return under_test.read(PATIENCE_S)

    under_test.take()
    yield keys, wake
    for each in (ours, theirs, wakeup, wake):
        os.close(each)


@pytest.mark.parametrize(
    ("parts", "keys"),
    [
        ([b"ak"], ["a", "k"]),
        ([b"a\x1b[200~make all\x1b[201~s"], ["a", "s"]),
        ([b"\x1b[200~make", b" all\x1b[2", b"01~", b"s"], ["s"]),
        ([b"\x1b[200~a\x1b[201~\x1b[200~k\x1b[201~s\x1b[200~k", b"r"], ["s"]),
    ],
)
def test_what_is_pasted_is_no_key(
    parts: list[bytes], keys: list[str], keyboard: tuple[Callable[[bytes], list[str]], int]
) -> None:
    assert [key for part in parts for key in keyboard[0](part)] == keys


def test_a_wake_up_ends_a_wait_for_keys(keyboard: tuple[Callable[[bytes], list[str]], int]) -> None:
    os.write(keyboard[1], b"\0")
    assert keyboard[0](b"") == []
