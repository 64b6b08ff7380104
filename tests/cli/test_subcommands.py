"""What all subcommands have in common."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from trixter.cli.command import main, trixter
from trixter.cli.remote.ls import ls


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
    program = "import sys, trixter.cli.command, trixter.cli.run; print(*sys.modules)"
    # A bare environment: a coverage run must not add modules of its own.
    run = subprocess.run([sys.executable, "-c", program], env={}, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert loaded.isdisjoint({"httpx2", "rich", "starlette", "tomllib"})
    assert "trixter.control" not in run.stdout.split()


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
