"""The subcommands, talking to a real proxy with real connections."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.e2e.conversation import Conversation
from tests.e2e.measuring import ends_by_reset, receive_all, receive_exactly, wait_until
from tests.e2e.trixter_process import Trixter
from tests.proxy.servers import silent_server
from trixter.addresses import text_of
from trixter.cli.main import main
from trixter.cli.signals import STOP_SIGNALS

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    trixter: Trixter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Run a subcommand on the proxy; give its status and what it printed, to whom."""
    monkeypatch.setenv("TRIXTER_API_URL", trixter.api_url)
    caught = {number: signal.getsignal(number) for number in STOP_SIGNALS}

    def command(*args: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(args)
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    yield command
    for number, handler in caught.items():
        signal.signal(number, handler)


@contextmanager
def watching(*args: str) -> Iterator[subprocess.Popen[str]]:
    """Watch a proxy, in a program of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "trixter", "watch", "--interval-s", "0.02", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.kill()


def test_ls_without_connections_says_so(command: Command) -> None:
    assert command("ls") == (0, "no connections\n", "")
    assert command("ls", "--json") == (0, "[]\n", "")


def test_ls_lists_connections_with_their_bytes_and_faults(
    command: Command, conversation: Conversation
) -> None:
    conversation.upstream_s(b"x" * 2048)
    conversation.change("delay", delay_ms=250)
    conversation.change("slice", size_bytes=16, direction="downstream")
    status, shown, _ = command("ls")
    heading, row, _, count = shown.splitlines()
    assert (status, count) == (0, "1 connection")
    assert heading.split() == ["id", "client", "upstream", "age", "up", "down", "held", "faults"]
    assert row.startswith(f"{conversation.id}  127.0.0.1:")
    assert row.endswith("2.0 KiB   0 B   0 B  latency 250 ms; down: slice 16 B")


def test_ls_knows_who_waits_for_an_upstream(
    start: Callable[..., Trixter], command: Command, exits: ExitStack
) -> None:
    waiting = start(f"--upstream={text_of(silent_server(exits).address)}")
    with waiting.connect():
        wait_until(
            lambda: (
                command("ls", "--api", waiting.api_url)[1]
                == "no connections; 1 dialling (`--dialling` lists them)\n"
            ),
            "it to be dialling",
        )
        _, shown, _ = command("ls", "--api", waiting.api_url, "--dialling")
        assert shown.splitlines()[-1] == "1 connection"
        (listed,) = json.loads(command("ls", "--api", waiting.api_url, "--dialling", "--json")[1])
        assert listed["state"] == "dialling"
        status, *_ = command("kill", listed["conn_info"]["id"], "--api", waiting.api_url)
        assert status == 0
    assert command("ls", "--api", waiting.api_url)[1] == "no connections\n"


@pytest.fixture
def exits() -> Iterator[ExitStack]:
    """Close what a test opens."""
    with ExitStack() as exits:
        yield exits


def test_ls_for_scripts_is_what_the_api_answers(
    command: Command, conversation: Conversation, trixter: Trixter
) -> None:
    status, shown, _ = command("ls", "--json")
    [listed], [expected] = json.loads(shown), trixter.connections()
    assert (status, listed["conn_info"], listed["faults"]) == (0, expected["conn_info"], expected["faults"])


def test_set_changes_one_connection_at_once(command: Command, conversation: Conversation) -> None:
    with conversation.another() as other:
        said = command("set", conversation.id, "--delay-ms", "200", "--direction", "upstream")
        assert said == (0, f"{conversation.id}: up: latency 200 ms\n", "")
        assert conversation.upstream_s() >= 0.2
        assert command("set", other.id, "--clear")[1] == f"{other.id}: no faults\n"


def test_set_changes_all_of_them(command: Command, conversation: Conversation) -> None:
    with conversation.another():
        flags = ("--profile", "edge", "--delay-ms", "0", "--throttle-rate-bytes", "0", "--jitter-ms", "0")
        for everything in ("--all", "_all", "all"):
            assert command("set", everything, *flags) == (0, "2 connections: no faults\n", "")


def test_every_setting_of_a_fault_is_set(command: Command, conversation: Conversation) -> None:
    sliced = ("--slice-size-bytes", "9", "--slice-variation-bytes", "3", "--slice-gap-ms", "2")
    flags = (
        *sliced,
        "--corrupt-probability-rate",
        "0.5",
        "--corrupt-mode",
        "flip",
        "--direction",
        "upstream",
    )
    said = f"{conversation.id}: up: corrupt 50 % by flips, slice 6 to 9 B every 2 ms\n"
    assert command("set", conversation.id, *flags) == (0, said, "")


def test_a_freeze_keeps_bytes_until_it_is_taken_back(command: Command, conversation: Conversation) -> None:
    assert command("set", "--all", "--freeze") == (0, "1 connection: freeze\n", "")
    conversation.client.sendall(b"ping")
    wait_until(lambda: conversation.held_bytes()["upstream"], "bytes to be held")
    assert command("set", "--all", "--no-freeze") == (0, "1 connection: no faults\n", "")
    assert receive_exactly(conversation.server, 4) == b"ping"


def test_defaults_are_what_new_connections_start_with(command: Command, conversation: Conversation) -> None:
    flags = ("--delay-ms", "150", "--direction", "downstream", "--connection-duration-ms", "60000")
    said = "faults for new connections: down: latency 150 ms; reset after 60 s\n"
    assert command("defaults", *flags) == (0, said, "")
    assert command("defaults") == (0, said, "")
    with conversation.another() as new:
        assert new.downstream_s() >= 0.15
    status, shown, _ = command("defaults", "--json")
    assert (status, json.loads(shown)["connection_duration_ms"]) == (0, 60000)
    assert command("set", conversation.id, "--no-freeze")[1] == f"{conversation.id}: no faults\n"


def test_kill_closes_one_and_the_log_says_why(
    command: Command, conversation: Conversation, trixter: Trixter
) -> None:
    with conversation.another() as other:
        said = command("kill", conversation.id, "--reason", "too old")
        assert said == (0, f"{conversation.id} closed\n", "")
        assert receive_all(conversation.client) == b""
        trixter.wait_for_log(f"{conversation.id} ended: shutdown: too old")
        assert other.upstream_s() > 0


def test_kill_resets_all(command: Command, conversation: Conversation) -> None:
    with conversation.another() as other:
        assert command("kill", "--all", "--reset") == (0, "2 connections reset\n", "")
        assert ends_by_reset(conversation.client)
        assert ends_by_reset(other.server)
    assert command("kill", "_all") == (0, "no connections\n", "")


@pytest.mark.parametrize("args", [("set", "nobody", "--delay-ms", "5"), ("kill", "nobody")])
def test_a_connection_that_is_not_there_is_one_line_and_status_1(
    command: Command, args: tuple[str, ...]
) -> None:
    assert command(*args) == (1, "", "trixter: connection nobody not found: it has ended, or never existed\n")


@pytest.mark.parametrize("args", [("set", "--delay-ms", "5"), ("kill",)])
def test_an_id_that_is_mistyped_or_cut_off_is_suggested(
    command: Command, conversation: Conversation, args: tuple[str, ...]
) -> None:
    for typed in (f"{conversation.id}0", conversation.id.rpartition("-")[2]):
        status, _, why = command(*args, typed)
        assert (status, why.endswith(f"; did you mean {conversation.id}?\n")) == (1, True)


def test_an_api_that_is_not_there_is_one_line_and_status_1(command: Command) -> None:
    said = (
        "trixter: no API answers at http://127.0.0.1:9: connection refused;"
        " start the proxy with `--api 127.0.0.1:9`\n"
    )
    assert command("ls", "--api", "127.0.0.1:9") == (1, "", said)


def test_ids_are_completed_from_the_live_connections(
    command: Command, conversation: Conversation, trixter: Trixter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_TRIXTER_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"trixter kill --api {trixter.api_url} ")
    monkeypatch.setenv("COMP_CWORD", "4")
    assert command() == (0, f"plain,{conversation.id}\n", "")
    monkeypatch.setenv("COMP_WORDS", "trixter kill --api 127.0.0.1:9 ")
    assert command() == (0, "\n", "")


def test_a_proxy_goes_down_and_comes_up_again(
    start: Callable[..., Trixter], command: Command, upstream: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = start(f"--upstream={text_of(upstream.getsockname())}", "--delay-ms=5")
    listen = text_of(own.address)
    monkeypatch.setenv("TRIXTER_API_URL", own.api_url)
    with own.connect() as client, upstream.accept()[0] as server:
        client.sendall(b"x" * 2048)
        assert receive_exactly(server, 2048) == b"x" * 2048
        assert command("refuse") == (0, f"{listen} refuses new connections: 1 connection live\n", "")
        with pytest.raises(ConnectionRefusedError):
            own.connect()
        server.sendall(b"pong")
        assert receive_exactly(client, 4) == b"pong"
        assert command("down") == (0, f"{listen} is down: 1 connection reset\n", "")
        assert ends_by_reset(client)
    assert command("status")[1].splitlines() == [
        f"proxy: {listen} → {text_of(upstream.getsockname())}",
        "availability: down",
        "faults for new connections: latency 5 ms",
        "connections: 0 open, 0 dialling, 1 accepted",
        "ended: 1 proxy down",
        "bytes: ↑ 2.0 KiB ↓ 4 B",
    ]
    assert command("up") == (0, f"{listen} is up: no connections live\n", "")
    with own.connect(), upstream.accept()[0]:
        assert json.loads(command("status", "--json")[1])["availability"] == "up"


def test_a_token_is_asked_for_and_given(start: Callable[..., Trixter], command: Command) -> None:
    guarded = start("--upstream=127.0.0.1:9", "--api-token=s3cret")
    status, _, why = command("ls", "--api", guarded.api_url)
    assert (status, why.count("\n")) == (1, 1)
    assert command("ls", "--api", guarded.api_url, "--api-token", "s3cret")[0] == 0


def test_a_proxy_can_begin_with_a_profile(start: Callable[..., Trixter], command: Command) -> None:
    slow = start("--upstream=127.0.0.1:9", "--profile=3g", "--delay-ms=10")
    said = "faults for new connections: latency 10 ms; up: throttle 96 kB/s; down: throttle 200 kB/s\n"
    assert command("defaults", "--api", slow.api_url) == (0, said, "")


def test_watch_prints_a_line_for_each_change(conversation: Conversation, trixter: Trixter) -> None:
    with watching("--api", trixter.api_url) as watch:
        assert watch.stdout
        assert watch.stdout.readline().endswith("Z defaults none\n")
        assert f" opened   {conversation.id}: " in watch.stdout.readline()
        conversation.change("delay", delay_ms=1)
        assert watch.stdout.readline().endswith(f" changed  {conversation.id}: latency 1 ms\n")
        conversation.close()
        assert f" ended    {conversation.id}: " in watch.stdout.readline()
        watch.send_signal(signal.SIGINT)
        assert (watch.wait(), watch.stdout.read()) == (0, "")


def test_watch_for_scripts_prints_an_object_for_each_change(
    conversation: Conversation, trixter: Trixter
) -> None:
    with watching("--api", trixter.api_url, "--json") as watch:
        assert watch.stdout
        defaults = json.loads(watch.stdout.readline())
        assert (defaults["change"], defaults["defaults"]["connection_duration_ms"]) == ("defaults", 0)
        opened = json.loads(watch.stdout.readline())
        assert (opened["change"], opened["connection"]["conn_info"]["id"]) == ("opened", conversation.id)
        watch.send_signal(signal.SIGTERM)
        assert watch.wait() == 0


def test_watch_ends_when_the_proxy_does(start: Callable[..., Trixter]) -> None:
    short_lived = start("--upstream=127.0.0.1:9")
    with watching("--api", short_lived.api_url) as watch:
        assert watch.stdout
        assert watch.stderr
        watch.stdout.readline()
        short_lived.stop()
        assert watch.wait() == 1
        assert watch.stderr.read().startswith(f"trixter: no API answers at {short_lived.api_url}: ")
