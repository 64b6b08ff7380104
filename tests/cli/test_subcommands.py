"""The subcommands: the API's address, the help, and the modules that are loaded for them."""

from __future__ import annotations

import signal
import subprocess
import sys

import click
import pytest

from trixter.cli.main import SUBCOMMANDS, main, trixter
from trixter.cli.remote import ls


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("127.0.0.1:8888", "http://127.0.0.1:8888"),
        ("[::1]:8888", "http://[::1]:8888"),
        ("http://chaos.example", "http://chaos.example"),
        ("https://chaos.example:8443/", "https://chaos.example:8443"),
    ],
)
def test_an_api_is_an_address_or_a_url(text: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ls.make_context("ls", ["--api", text]).params["api"] == url
    monkeypatch.setenv("TRIXTER_API_URL", text)
    assert ls.make_context("ls", []).params["api"] == url


def test_without_either_it_is_that_of_the_examples() -> None:
    assert ls.make_context("ls", []).params["api"] == "http://127.0.0.1:8888"


def test_the_proxy_starts_without_what_only_subcommands_need() -> None:
    program = "import sys, trixter.cli.main, trixter.cli.serve; print(*sys.modules)"
    # A bare environment: a coverage run must not add modules of its own.
    run = subprocess.run([sys.executable, "-c", program], env={}, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert loaded.isdisjoint({"httpx2", "rich", "starlette", "tomllib"})
    assert "trixter.control" not in run.stdout.split()


@pytest.mark.parametrize(
    ("environment", "shown"),
    [({}, "Usage: trixter "), ({"_TRIXTER_COMPLETE": "bash_complete", "COMP_CWORD": "1"}, "plain,watch")],
    ids=["help", "completion"],
)
def test_subcommands_are_listed_without_being_imported(environment: dict[str, str], shown: str) -> None:
    program = """
import atexit, sys
atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))
from trixter.cli import entry_point
entry_point()
"""
    environment |= {"COMP_WORDS": "trixter "}
    args = [] if "_TRIXTER_COMPLETE" in environment else ["--help"]
    run = subprocess.run(
        [sys.executable, "-c", program, *args], env=environment, capture_output=True, text=True, check=True
    )
    assert shown in run.stdout
    modules = {place.partition(":")[0] for place, _ in SUBCOMMANDS.values()} - {"trixter.cli.main"}
    assert modules.isdisjoint(run.stderr.split())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "status"), [("profiles", 128 + signal.SIGTERM), ("watch", 0)])
def test_a_signal_during_the_import_of_a_subcommand_counts_as_one_while_it_runs(
    name: str, status: int
) -> None:
    program = f"""
import os, signal, sys
from trixter.cli import command, main
def interrupted(place):
    os.kill(os.getpid(), signal.SIGTERM)
command.resolve_name = interrupted
main.main(["{name}"])
"""
    program = f"from trixter.cli import signals; signals.leave_quietly(){program}"
    assert subprocess.run([sys.executable, "-c", program], env={}).returncode == status


@pytest.mark.parametrize("name", trixter.list_commands(click.Context(trixter)))
def test_every_subcommand_has_a_help_and_a_line_in_that_of_all(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith(f"Usage: trixter {name} ")
    with pytest.raises(SystemExit):
        main(["--help"])
    assert f"\n  {name} " in capsys.readouterr().out
