"""Programs under measurement have ended when the benchmark says so."""

from __future__ import annotations

import socket
import sys

import pytest

from benchmarks.ports import unused_ports
from benchmarks.process import Failed, Program, running

FOREVER = [sys.executable, "-c", "input()"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); input()",
]


def test_a_program_has_ended_when_the_context_has() -> None:
    with running(FOREVER, is_heard=True) as process:
        assert process.poll() is None

    assert process.returncode is not None


@pytest.mark.parametrize("error", [Failed, KeyboardInterrupt])
def test_a_program_has_ended_whatever_went_wrong(error: type[BaseException]) -> None:
    with pytest.raises(error), running(FOREVER, is_heard=True) as process:
        raise error

    assert process.returncode is not None


def test_a_program_that_does_not_listen_to_us_is_ended_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.process.MOST_SECONDS_TO_END", 0.01)

    with running(STUBBORN, is_heard=True) as process:
        assert process.stdout is not None
        process.stdout.readline()  # now it ignores the signal

    assert process.returncode == -9


def test_it_waits_until_a_program_accepts() -> None:
    with running(FOREVER, is_heard=True) as process, socket.create_server(("127.0.0.1", 0)) as server:
        Program(process).wait_until_it_accepts(server.getsockname()[1])


def test_a_program_that_ends_before_it_accepts_has_failed() -> None:
    (port,) = unused_ports(1)

    with (
        pytest.raises(Failed, match="ended with status 3 before it accepted"),
        running([sys.executable, "-c", "raise SystemExit(3)"]) as process,
    ):
        Program(process).wait_until_it_accepts(port)


def test_a_program_that_never_accepts_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.process.MOST_SECONDS_TO_START", 0.01)
    (port,) = unused_ports(1)

    with pytest.raises(Failed, match="did not accept"), running(FOREVER, is_heard=True) as process:
        Program(process).wait_until_it_accepts(port)


def test_the_operating_system_knows_what_a_program_uses() -> None:
    with running(FOREVER, is_heard=True) as process:
        program = Program(process)

        assert program.cpu_s() > 0
        assert program.resident_bytes() > 0
