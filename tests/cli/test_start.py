"""The start: the modules that are loaded before the API answers, and those that are loaded later."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable

import pytest

from tests.cli.program import COMMAND, Program

pytestmark = pytest.mark.slow

Start = Callable[..., Program]

# Each takes 3 to 100 ms of CPU; the first four are the project's own, for other commands and for tests.
NOT_NEEDED = {
    "trixter.cli.remote",
    "trixter.client",
    "trixter.control.handles",
    "trixter.netem",
    "trixter.testing",
    "trixter.profiles",
    "trixter.api.openapi",
    "httpx2",
    "hypothesis",
    "pytest",
    "rich",
    "tomllib",
    "trio",
    # What uvicorn and Starlette load for protocols and formats that are not used here.
    "dotenv",
    "httptools",
    "jinja2",
    "watchfiles",
    "websockets",
    "wsproto",
    "yaml",
}

TELL = f"""
import atexit, gc, json, sys
atexit.register(lambda: print(json.dumps([sorted(sys.modules), gc.get_stats()[2], gc.isenabled()])))
{COMMAND}
"""


def test_what_the_first_answer_does_not_need_is_not_loaded(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What counts the lines of programs that tests start reads its settings with tomllib.
    for name in [name for name in os.environ if name.startswith("COVERAGE")]:
        monkeypatch.delenv(name)
    program = start("--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:9", "--api", "127.0.0.1:0", code=TELL)
    api = program.api()
    api.request("GET", "/health")
    assert api.getresponse().read() == b"ok"
    api.close()
    program.send(signal.SIGTERM)
    status, told = program.end()

    modules, oldest, is_enabled = json.loads(told)
    assert status == 0
    assert NOT_NEEDED.intersection(modules) == set()
    assert {"starlette", "uvicorn"} < set(modules)
    # The collector looked through none of it, and is at work again.
    assert (oldest["collections"], is_enabled) == (0, True)


@pytest.mark.parametrize("command", ["profiles", "run"])
def test_commands_that_are_no_proxy_have_their_garbage_collected(start: Start, command: str) -> None:
    args = ("--upstream", "127.0.0.1:9", "--", "true") if command == "run" else ()
    program = start(command, *args, code=TELL)
    status, told = program.end()

    assert status == 0
    assert json.loads(told.splitlines()[-1])[2]
