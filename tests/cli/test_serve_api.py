"""The API's own flags, and what the API puts into the log."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from http import HTTPStatus

import pytest

from tests.cli.program import COMMAND, Program, connect, echo_server

pytestmark = pytest.mark.slow

Start = Callable[..., Program]

ANY = ("--listen", "127.0.0.1:0")


def test_the_token_and_the_name_open_the_api_and_the_token_is_not_told(start: Start) -> None:
    args = ("--api", "127.0.0.1:0", "--api-name", "Chaos.Example")
    program = start(*ANY, "--upstream", "127.0.0.1:9", *args, env={"TRIXTER_API_TOKEN": "s3cret"})
    api = program.api()

    def ask(headers: dict[str, str]) -> int:
        api.request("GET", "/connections", headers=headers)
        response = api.getresponse()
        response.read()
        return response.status

    shown = {"Authorization": "Bearer s3cret"}
    assert ask(shown) == HTTPStatus.OK
    assert ask({}) == HTTPStatus.UNAUTHORIZED
    assert ask({**shown, "Host": "chaos.example:8888"}) == HTTPStatus.OK
    assert ask({**shown, "Host": "evil.example"}) == HTTPStatus.FORBIDDEN
    api.close()
    program.stop()
    assert "s3cret" not in program.log


@pytest.mark.parametrize(
    ("args", "warns"), [((), True), (("--api-token", "s3cret"), False)], ids=["open", "with a token"]
)
def test_an_api_that_everyone_can_reach_is_worth_a_warning(
    start: Start, args: tuple[str, ...], warns: bool
) -> None:
    program = start(*ANY, "--upstream", "127.0.0.1:9", "--api", "0.0.0.0:0", *args)
    program.wait_for("API on")
    program.stop()
    assert ("can change the faults" in program.log) == warns


def test_json_is_one_object_for_each_line(start: Start) -> None:
    with echo_server() as server:
        program = start(*ANY, "--upstream", server, "--api", "127.0.0.1:0", "--log-format", "json")
        port = int(program.wait_for(r"listening on 127\.0\.0\.1:(\d+) ")[1])
        with connect(("127.0.0.1", port)) as client:
            client.sendall(b"ping")
            client.recv(100)
            api = program.api()
            body = json.dumps({"reason": "two\nlines \x1b[2J"})
            headers = {"Content-Type": "application/json"}
            api.request("POST", "/connections/_all/shutdown", body, headers)
            assert api.getresponse().read() is not None
            api.close()
            program.wait_for("ended")
        program.stop()
    lines = [json.loads(line) for line in program.log.splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    ended = next(line for line in lines if "ended" in line["message"])
    assert ended["logger"] == "trixter.proxy"
    assert (ended["bytes_upstream"], ended["bytes_downstream"], ended["reason"]) == (4, 4, "shutdown")
    assert ended["upstream"] == server


def test_a_reason_with_line_breaks_stays_on_its_line(start: Start) -> None:
    with echo_server() as server:
        program = start(*ANY, "--upstream", server, "--api", "127.0.0.1:0")
        with connect(program.proxy()) as client:
            client.sendall(b"ping")
            client.recv(100)
            api = program.api()
            body = json.dumps({"reason": "x\n2030-01-01T00:00:00.000Z INFO forged"})
            api.request("POST", "/connections/_all/shutdown", body, {"Content-Type": "application/json"})
            assert api.getresponse().status == HTTPStatus.ACCEPTED
            api.close()
            assert "x\\n2030-01-01" in program.wait_for("ended").string
        program.stop()


def test_without_the_api_its_framework_is_not_loaded(start: Start) -> None:
    code = f"import atexit, sys; atexit.register(lambda: print(*sys.modules)); {COMMAND}"
    program = start(*ANY, "--upstream", "127.0.0.1:9", code=code)
    program.proxy()
    program.send(signal.SIGTERM)
    status, modules = program.end()
    assert status == 0
    assert {"starlette", "uvicorn", "msgspec", "trixter.api"}.isdisjoint(modules.split())
