"""Signals: the command stops at once and cleanly, in every state."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.cli.program import COMMAND, WITHOUT_UVLOOP, Program, connect, echo_server

pytestmark = pytest.mark.slow

Start = Callable[..., Program]

ANY = ("--listen", "127.0.0.1:0")
LOOPS = pytest.mark.parametrize("code", [COMMAND, WITHOUT_UVLOOP], ids=["uvloop", "asyncio"])


@LOOPS
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_at_once_with_live_connections(
    start: Start, code: str, number: signal.Signals
) -> None:
    with echo_server() as server:
        args = (*ANY, "--upstream", server, "--api", "127.0.0.1:0", "--delay-ms", "3600000")
        program = start(*args, code=code)
        with connect(program.proxy()) as client:
            api = program.api()
            api.request("GET", "/connections")  # an idle API client is no reason to wait
            assert len(json.loads(api.getresponse().read())) == 1
            client.sendall(b"held for an hour")
            program.send(number)
            status, _ = program.end()
            with suppress(ConnectionResetError):
                assert client.recv(100) == b""
            api.close()
    assert status == 0
    assert f"stopping: {number.name}" in program.log
    assert "proxy stopped" in program.log
    assert "Traceback" not in program.log


@LOOPS
def test_signals_after_the_first_change_nothing(start: Start, code: str) -> None:
    program = start(*ANY, "--upstream", "127.0.0.1:9", "--api", "127.0.0.1:0", code=code)
    program.api().close()
    program.send(signal.SIGTERM)
    program.send(signal.SIGINT)
    program.wait_for("stopping: ")
    while program.is_running:
        program.send(signal.SIGINT)
        program.send(signal.SIGTERM)
    status, _ = program.end()
    assert status == 0
    assert program.log.count("stopping: ") == 1
    assert "Traceback" not in program.log


def test_a_signal_before_it_runs_stops_it_quietly(start: Start) -> None:
    code = (
        "import os, signal; from trixter.cli.signals import leave_quietly;"
        "leave_quietly(); os.kill(os.getpid(), signal.SIGINT); print('went on')"
    )
    program = start(code=code)
    assert program.end() == (0, "")
    assert program.log == ""
